//! The systemd units and the manifest of docs/cluster.md: each variable is a setting of its server,
//! and each name of a host has a Service.

use serde_json::Value;

use crate::up::{run_in, workspace};

/// The code blocks of the guide with this word after the fence.
fn blocks(kind: &str) -> Vec<String> {
    let page = std::fs::read_to_string(workspace().join("docs/cluster.md")).expect("the guide");
    let fence = format!("```{kind}\n");
    let blocks = page.split(&fence).skip(1);
    blocks
        .filter_map(|rest| rest.split("\n```").next())
        .map(str::to_owned)
        .collect()
}

/// Checks that a server has these settings, and accepts their values.
async fn check_settings(server: &str, variables: &[(String, String)]) {
    assert!(variables.len() > 5, "{server} has settings: {variables:?}");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let help = format!("aftercall serve {server} --help");
    let help = run_in(directory.path(), &help, &[]).await.out;
    for (name, _) in variables {
        let is_there = help.contains(&format!("[env: {name}="));
        assert!(is_there, "{name} is no setting of {server}");
    }
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let print = format!("aftercall serve {server} --print-config");
    let printed = run_in(directory.path(), &print, &variables).await;
    assert_eq!(printed.code, 0, "{server}: {printed:?}");
}

#[tokio::test]
async fn the_units_use_settings_of_their_servers() {
    let units = blocks("ini");
    assert_eq!(units.len(), 2, "{units:?}");
    for unit in units {
        let values = |key: &'static str| {
            let lines = unit.lines();
            lines.filter_map(move |line| line.strip_prefix(key))
        };
        let program = values("ExecStart=").next().expect("a program");
        let variables: Vec<_> = values("Environment=")
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.replace("%l", "one")))
            .collect();
        let server = program.rsplit('/').next().expect("its name");
        check_settings(server, &variables).await;
    }
}

/// The objects of the manifest.
struct Manifest(Vec<Value>);

impl Manifest {
    fn read() -> Self {
        let blocks = blocks("yaml manifest");
        let documents = blocks.iter().flat_map(|block| block.split("---\n"));
        let read = |text| serde_saphyr::from_str(text).expect("YAML");
        Self(documents.map(read).collect())
    }

    fn of_kinds(&self, kinds: &'static [&str]) -> impl Iterator<Item = &Value> {
        let is_of_kind = |object: &&Value| kinds.iter().any(|kind| object["kind"] == *kind);
        self.0.iter().filter(is_of_kind)
    }

    fn workloads(&self) -> impl Iterator<Item = &Value> {
        self.of_kinds(&["StatefulSet", "Deployment"])
    }

    /// Checks that a Service leads to this name, and to this port if one is given.
    fn check_host(&self, host: &str, port: Option<&str>) {
        let (pod, name) = match host.split_once('.') {
            Some((pod, service)) => (Some(pod), service),
            None => (None, host),
        };
        let service = self
            .of_kinds(&["Service"])
            .find(|service| service["metadata"]["name"] == name)
            .unwrap_or_else(|| panic!("{host} has no Service"));
        let open = &service["spec"]["ports"][0]["port"];
        let text = open.to_string();
        assert!(port.is_none_or(|port| port == text), "{host}");
        let workload = self
            .workloads()
            .find(|one| {
                one["spec"]["template"]["metadata"]["labels"] == service["spec"]["selector"]
            })
            .unwrap_or_else(|| panic!("the Service of {host} selects nothing"));
        let container = &workload["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(&container["ports"][0]["containerPort"], open, "{host}");
        if let Some(pod) = pod {
            assert_eq!(service["spec"]["clusterIP"], "None", "{host} is one pod");
            assert_eq!(workload["spec"]["serviceName"], name, "{host}");
            let (set, place) = pod.rsplit_once('-').expect("a place");
            assert_eq!(workload["metadata"]["name"], set, "{host}");
            let place: u64 = place.parse().expect("a number");
            assert!(place < workload["spec"]["replicas"].as_u64().expect("a number"));
        }
    }
}

/// The variables of a container. A pod has the name of the first one.
fn variables(container: &Value) -> Vec<(String, String)> {
    let variables = container["env"].as_array().expect("variables").iter();
    variables
        .filter_map(|variable| {
            let name = variable["name"].as_str().expect("a name");
            let value = variable["value"].as_str()?;
            Some((name.to_owned(), value.replace("$(POD)", "workflow-0")))
        })
        .collect()
}

#[tokio::test]
async fn the_manifest_has_real_settings_and_services() {
    let manifest = Manifest::read();
    let (mut servers, mut hosts) = (0, 0);
    for workload in manifest.workloads() {
        let container = &workload["spec"]["template"]["spec"]["containers"][0];
        let server = container["command"][0].as_str().expect("a program");
        for probe in ["readinessProbe", "livenessProbe"] {
            let port = &container[probe]["httpGet"]["port"];
            assert_eq!(
                port, &container["ports"][0]["containerPort"],
                "{server} {probe}"
            );
        }
        let variables = variables(container);
        for (name, value) in &variables {
            for part in value.split(',') {
                if let Some(url) = part.strip_prefix("https://") {
                    let (host, port) = url.split_once(':').expect("a port");
                    manifest.check_host(host, Some(port));
                    hosts += 1;
                } else if name == "AFTERCALL_ALLOWED_HOSTS" {
                    manifest.check_host(part, None);
                    hosts += 1;
                }
            }
        }
        check_settings(server, &variables).await;
        servers += 1;
    }
    assert_eq!((servers, hosts), (2, 6));
}
