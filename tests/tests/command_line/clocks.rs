//! Whose clock at the terminal: the caller's, else the calendar's, else the server's setting, and
//! not the terminal's.

use crate::up::Up;

const VISIT: &str = "
format: 1
workflow: visit
title: Visit
on_new_call:
  - alert: { text: Ring, team: care, due: 4h }
  - button: Agreed
    id: agreed
    form: { visit_at: { type: time, required: true } }
    then:
      - alert: { text: \"Visit at {{ form.visit_at }}\", team: care }
      - button: Done
        then: [ finish: done ]
";

#[tokio::test(flavor = "multi_thread")]
async fn times_use_the_zone_of_the_caller() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (data_dir, file) = (
        dir.path().join("data").display().to_string(),
        dir.path().join("visit.yaml"),
    );
    std::fs::write(&file, VISIT).expect("written");
    let ports = [
        "--listen",
        "127.0.0.1:0",
        "--alerter-listen",
        "127.0.0.1:0",
        "--log",
        "error",
    ];
    let zone = [("AFTERCALL_TIME_ZONE", "Asia/Kolkata")];
    let up = Up::start_by(&[&["--data-dir", &data_dir][..], &ports].concat(), &zone).await;
    up.does("aftercall team import examples/teams.yaml").await;
    up.does(&format!("aftercall workflow publish {}", file.display()))
        .await;
    let nothing = up.json("aftercall claim-next").await;
    assert!(
        nothing["follow_up"].is_null() && nothing["sequence"].is_number(),
        "{nothing}"
    );
    for (call, caller, zone) in [
        (
            "1",
            "--caller-time-zone America/New_York",
            "America/New_York",
        ),
        ("2", "", "Asia/Kolkata"),
    ] {
        let set = format!(
            "aftercall set-workflow visit --call x/{call} --customer X --chargeable {caller}"
        );
        let out = up.does(&set).await;
        let id = out.split_whitespace().nth(1).expect("an id").to_owned();
        up.does(&format!("TZ=UTC aftercall --actor ann claim {id}"))
            .await;
        let refused = up
            .shell(&format!("TZ=UTC aftercall --actor ben claim {id}"))
            .await;
        for part in [
            "ann holds it until ",
            zone,
            "In your time zone the lease ends at ",
            "+00:00",
            "aftercall take-over",
        ] {
            assert!(refused.err.contains(part), "{part}: {refused:?}");
        }
        let push = format!(
            "TZ=UTC aftercall --actor ann push {id} agreed --form 'visit_at=2026-12-24 09:00'"
        );
        let out = up.does(&push).await;
        assert!(
            out.contains(&format!("visit_at: 2026-12-24 09:00:00 {zone} (")),
            "{out}"
        );
        let shown = up
            .does(&format!("TZ=UTC aftercall instance show {id}"))
            .await;
        // The caller's zone is not named, any other is.
        let named = if caller.is_empty() {
            " Asia/Kolkata"
        } else {
            ""
        };
        assert!(
            shown.contains(&format!("Visit at Thu 2026-12-24 09:00{named} (")),
            "{shown}"
        );
    }
}
