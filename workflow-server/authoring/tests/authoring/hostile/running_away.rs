//! Deep, long and slow expressions and texts. Each is refused, or ends.

use aftercall_definition::expression::{Expression, Wanted};
use aftercall_definition::facts::{Facts, Names};
use aftercall_definition::template::Template;
use aftercall_definition::time::Time;
use aftercall_definition::value::{FieldDeclaration, Value};
use aftercall_engine::call::{Call, CallKey};

fn deep_expressions() -> Vec<String> {
    let deep = |open: &str, close: &str, times: usize| {
        format!("{}true{}", open.repeat(times), close.repeat(times))
    };
    vec![
        deep("(", ")", 8),
        deep("(", ")", 9),
        deep("(", ")", 500),
        deep("[", "]", 500),
        deep("!", "", 1_000),
        deep("-", "", 1_000),
        deep("true ? ", " : true", 70),
        format!("true{}", " && true".repeat(120)),
        format!("fields{}", ".a".repeat(400)),
        format!("1{}", " + 1".repeat(240)),
        format!("visit{}", " % 2".repeat(12)),
        format!("visit{}", " % 2".repeat(100)),
        format!("{}1{}", "int(".repeat(7), ")".repeat(7)),
        format!("has({}", "has(".repeat(200)),
        format!("'{}' == 'a'", "\\x00".repeat(200)),
        "[1,1,1].map(a, [1,1,1].map(b, [1,1,1].map(c, [1,1,1].map(d, a+b+c+d)))).size() > 0"
            .to_owned(),
    ]
}

fn deep_texts() -> Vec<String> {
    vec![
        format!(
            "{{{{ {}fields.a{} }}}}",
            "(".repeat(1_000),
            ")".repeat(1_000)
        ),
        format!("{{{{ fields.a{} }}}}", "|upper".repeat(600)),
        format!("{{{{ fields.a{} }}}}", " ~ fields.a".repeat(360)),
        format!("{{{{ {}fields.a }}}}", "not ".repeat(1_000)),
        format!("{{{{ {}fields.a }}}}", "-".repeat(4_000)),
        format!("{{{{ fields{} }}}}", ".a".repeat(2_000)),
        "{{ visit }}".repeat(101),
        "{% if true %}".repeat(150),
        format!(
            "{}x{}",
            "{% if fields.a %}".repeat(120),
            "{% endif %}".repeat(120)
        ),
        format!("{{% if a %}}{}{{% endif %}}", "{% elif a %}".repeat(300)),
        format!("{{{{ {}fields.a }}}}", "-".repeat(58)),
        format!("{{{{ {}fields.a }}}}", "not ".repeat(58)),
        format!(
            "{}x{}",
            "{% if fields.a %}".repeat(16),
            "{% endif %}".repeat(16)
        ),
        "{{ 'x' * 100000000 }}".to_owned(),
        "{{ fields.a | default(99999999999999999999999999999) }}".to_owned(),
        "{{ 10 ** 10 ** 10 }}".to_owned(),
    ]
}

/// Expressions and texts that try to overflow the stack, run for ever, or fill the memory.
#[test]
fn hostile_expressions_and_texts_cannot_overflow_the_stack() {
    let (expressions, texts) = (deep_expressions(), deep_texts());
    // The stack has the size of the stacks of the threads that serve requests.
    let tried = std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(move || {
            let mut refused = 0;
            for expression in &expressions {
                let names = Names::new([], []);
                let read = Expression::parse(expression);
                refused += usize::from(read.is_err());
                read.iter()
                    .for_each(|read| drop(read.check(&names, Wanted::Condition)));
            }
            let call = Call::new(
                CallKey {
                    source: "s".into(),
                    id: "1".into(),
                },
                Time(0),
            );
            let values = [(0, Value::Text("a".repeat(4_096).into()))];
            let declared = [FieldDeclaration {
                name: "a".to_owned(),
                ..FieldDeclaration::default()
            }];
            let facts = Facts {
                declared: &declared,
                values: &values,
                form: &[],
                call: call.facts(),
                visit: 1,
                now: Time(0),
                zone: "UTC",
            };
            for text in &texts {
                let read = Template::parse(text);
                refused += usize::from(read.is_err());
                if let Ok(read) = read {
                    assert!(read.fill_in(4_096, &facts).text.len() <= 4_096);
                }
            }
            refused
        });
    let refused = tried.expect("a thread").join().expect("no stack overflow");
    assert!(refused >= 15, "{refused} were refused");
}
