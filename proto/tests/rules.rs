//! The build fails where an RPC has no rule.

#[path = "../build/rules.rs"]
mod rules;

use std::fs;

use protox::Compiler;

/// What the build makes of a service with one RPC, which has this option.
fn built(option: &str) -> Result<String, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!(
        "syntax = \"proto3\";
        package trial.v1;
        import \"aftercall/access/v1/access.proto\";
        message Request {{}}
        message Response {{}}
        service TrialService {{ rpc Open(Request) returns (Response) {{ {option} }} }}"
    );
    fs::write(folder.path().join("trial.proto"), text).expect("written");
    let includes = [folder.path(), env!("CARGO_MANIFEST_DIR").as_ref()];
    let mut compiler = Compiler::new(includes).expect("folders");
    let compiler = compiler.include_imports(true);
    compiler.open_file("trial.proto").expect("it compiles");
    rules::code(&compiler.descriptor_pool())
}

#[test]
fn an_rpc_without_a_role_fails_the_build() {
    let without_role = "option (aftercall.access.v1.rule) = { is_long: true };";
    let empty = "option (aftercall.access.v1.rule) = { roles: [] };";
    for option in ["", "option deprecated = true;", without_role, empty] {
        let error = built(option).expect_err("it has no role");
        assert!(
            error.contains("trial.v1.TrialService.Open has no rule"),
            "{error}"
        );
        assert!(
            error.contains("option (aftercall.access.v1.rule)"),
            "{error}"
        );
    }
    let option = "option (aftercall.access.v1.rule) = { roles: [ROLE_AGENT, ROLE_SCRIPT_ENGINE] };";
    let code = built(option).expect("the control has roles");
    assert!(
        code.contains("path: \"/trial.v1.TrialService/Open\""),
        "{code}"
    );
    assert!(
        code.contains("roles: &[Role::Agent, Role::ScriptEngine]"),
        "{code}"
    );
}
