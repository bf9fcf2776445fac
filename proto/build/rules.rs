//! The rules of the RPCs, as Rust code. The build script and a test use it.
//!
//! Promise: an RPC whose rule names no role is an error.

use protox::prost_reflect::{DescriptorPool, MethodDescriptor};

/// The option that names the roles of an RPC.
const RULE: &str = "aftercall.access.v1.rule";

/// Rust code: a list with the rule of each RPC.
///
/// # Errors
/// A sentence that names an RPC without a rule.
pub(crate) fn code(pool: &DescriptorPool) -> Result<String, String> {
    let mut code = String::from("[");
    for service in pool.services() {
        for method in service.methods() {
            let roles = roles(pool, &method).ok_or_else(|| {
                format!(
                    "{} has no rule: name the roles that may call it, by `option ({RULE})`",
                    method.full_name()
                )
            })?;
            code.push_str(&format!(
                "Rule {{ path: \"/{}/{}\", is_stream: {}, is_long: {}, is_action: {}, request_id_field: {:?}, roles: &[{}] }},\n",
                service.full_name(),
                method.name(),
                method.is_server_streaming(),
                is_long(pool, &method),
                method.input().get_field_by_name("actor").is_some(),
                method
                    .input()
                    .get_field_by_name("request_id")
                    .map(|field| field.number()),
                roles.join(", "),
            ));
        }
    }
    code.push(']');
    Ok(code)
}

/// Whether the rule of the method marks it as long.
fn is_long(pool: &DescriptorPool, method: &MethodDescriptor) -> bool {
    let marked = || {
        let rule = pool.get_extension_by_name(RULE)?;
        let options = method.options();
        let value = options.get_extension(&rule);
        value.as_message()?.get_field_by_name("is_long")?.as_bool()
    };
    marked().unwrap_or_default()
}

/// The variants of the generated `Role` that may call the method; `None` if it names none.
fn roles(pool: &DescriptorPool, method: &MethodDescriptor) -> Option<Vec<String>> {
    let rule = pool.get_extension_by_name(RULE)?;
    let options = method.options();
    let value = options.get_extension(&rule);
    let roles = value.as_message()?.get_field_by_name("roles")?;
    let names = pool.get_enum_by_name("aftercall.access.v1.Role")?;
    let variants = roles.as_list()?.iter().map(|role| {
        let value = names.get_value(role.as_enum_number()?)?;
        Some(format!("Role::{}", variant(value.name())))
    });
    variants
        .collect::<Option<Vec<_>>>()
        .filter(|roles| !roles.is_empty())
}

/// `ROLE_SCRIPT_ENGINE` as the generated code names it: `ScriptEngine`.
fn variant(role: &str) -> String {
    let words = role.split('_').skip(1).map(|word| {
        let (first, rest) = word.split_at(1);
        format!("{first}{}", rest.to_lowercase())
    });
    words.collect()
}
