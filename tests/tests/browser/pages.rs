//! Each page that people see, and how a test gets there.

use crate::routes::routes;

/// The pages, and what shows that each is there. `ID` is a follow-up, `TRIED` the address of
/// a try-out.
pub(crate) const PAGES: &[(&str, &str)] = &[
    ("/", ".line.live"),
    ("/f/ID", "#panel article"),
    ("/f/ID/history", "main"),
    ("/caller?phone=030", "main"),
    ("/snoozed", "main"),
    ("/team", "main"),
    ("/team/person?name=Ann", "main"),
    ("/team/day?name=Ann", "main .find"),
    ("/my-work", "main"),
    ("/wall", "main"),
    ("/workflows", "main"),
    ("/workflows/edit", "main"),
    ("/workflows/teams", "main"),
    ("/workflows/w/refund", "main"),
    ("/workflows/w/refund/try", "main"),
    ("TRIED", "#next"),
    ("/workflows/w/repair/publish", "main form[method=post]"),
    ("/workflows/w/refund/archive", "main"),
    ("/workflows/w/refund/differences", "main"),
    ("/workflows/calendars", "main"),
    ("/instances", "main"),
    ("/instances/stuck", "main"),
    ("/instances/i/ID", "main"),
    ("/instances/batches", "main"),
    ("/instances/report?from=2026-01-01", "table"),
    ("/instances/work?workflow=refund&all=1", "#work"),
    ("/instances/server", "#well"),
    ("/instances/erasures", "main"),
    ("/sign-in", "[name=token]"),
    ("/signed-in", "main"),
    ("/no-such-page", "main"),
];

/// The pages to which only forms lead, by their routes.
pub(crate) const BEHIND_FORMS: &[&str] = &["/instances/batches/{id}", "/instances/erasures/{id}"];

/// What is no page: files, streams, answers for scripts, and ways to another page.
const NO_PAGES: &[&str] = &[
    "/assets/{version}/{name}",
    "/events",
    "/f/{id}/picture",
    "/me",
    "/selection/form",
    "/selection/{batch}",
    "/sign-in/back",
    "/sign-in/start",
    "/team/events",
    "/wall/events",
    "/wall/me",
    "/workflows/w/{name}/file",
    "/workflows/w/{name}/picture",
];

/// Whether an address is of a route.
fn is_of(address: &str, route: &str) -> bool {
    let path = address.split('?').next().unwrap_or_default();
    let (parts, of_route) = (path.split('/'), route.split('/'));
    parts.clone().count() == of_route.clone().count()
        && parts
            .zip(of_route)
            .all(|(part, of_route)| of_route.starts_with('{') || part == of_route)
}

#[test]
fn each_page_is_among_those_that_are_checked() {
    let mut missing = Vec::new();
    for route in routes().into_iter().filter(|route| route.is_read) {
        let path = route.path.as_str();
        let is_known = [BEHIND_FORMS, NO_PAGES]
            .iter()
            .any(|list| list.contains(&path));
        let is_checked = PAGES.iter().any(|(address, _)| is_of(address, path));
        if !is_known && !is_checked {
            missing.push(path.to_owned());
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(!is_of("/team", "/team/day") && is_of("/f/ID?a=b", "/f/{id}"));
}
