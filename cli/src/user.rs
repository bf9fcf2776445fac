//! The person at the terminal.
//!
//! Promise: two users of a machine have two names. Must not: ask a server.

/// The name of the person who is logged in: the actor unless `--actor` names another. Under
/// `docker exec`, cron and systemd no variable has it. Two users must not become one, so it is then
/// the name of the user id, or the id itself.
pub(crate) fn name() -> String {
    let variable = |name: &str| {
        std::env::var(name)
            .ok()
            .filter(|value| !value.trim().is_empty())
    };
    variable("USER")
        .or_else(|| variable("LOGNAME"))
        .unwrap_or_else(|| {
            let user_id = rustix::process::getuid().as_raw();
            let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
            name_in(&users, user_id).unwrap_or_else(|| format!("user {user_id}"))
        })
}

/// The name of a user id in the text of a password file: `name:x:id:…`.
fn name_in(users: &str, user_id: u32) -> Option<String> {
    let user_id = user_id.to_string();
    let mut users = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let user = users.find(|user| user.get(2).is_some_and(|id| *id == user_id))?;
    user.first()
        .filter(|name| !name.is_empty())
        .map(|name| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_id_has_its_own_name() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n:x:7:7::/:\n";
        assert_eq!(name_in(users, 0).as_deref(), Some("root"));
        assert_eq!(name_in(users, 65_534).as_deref(), Some("nobody"));
        assert_eq!((name_in(users, 7), name_in(users, 1)), (None, None));
    }
}
