//! What is in `deploy/` fits the program: its settings are valid, and its variables are known.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::settings::variables;
use super::toml_blocks::check;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

fn read(file: &str) -> String {
    fs::read_to_string(folder().join(file)).unwrap_or_else(|error| panic!("deploy/{file}: {error}"))
}

/// The file of that name in a ConfigMap: the lines that are indented more than its key.
fn in_config_map(yaml: &str, file: &str) -> String {
    let mut lines = yaml.lines().skip_while(|line| line.trim() != format!("{file}: |"));
    let key = lines.next().unwrap_or_else(|| panic!("there is no {file}"));
    let indent = key.len() - key.trim_start().len() + 2;
    let body = lines.take_while(|line| line.is_empty() || line.starts_with(&" ".repeat(indent)));
    body.flat_map(|line| [line.get(indent..).unwrap_or_default(), "\n"]).collect()
}

/// The settings with the files of secrets beside them.
fn with_local_secrets(settings: &str) -> String {
    settings.replace("/run/secrets/belvedere/", "").replace("/run/secrets/", "").replace("/var/lib/belvedere/state", "state")
}

#[tokio::test]
async fn the_settings_of_both_ways_to_run_several_nodes_are_valid() {
    let page = in_config_map(&read("kubernetes/pages.yaml"), "welcome.toml");
    assert_eq!(page, read("pages/welcome.toml"), "both have the same page");
    check(&with_local_secrets(&read("Rocket.toml")), Some(("pages/welcome.toml", &page)), "deploy/Rocket.toml").await;
    let settings = in_config_map(&read("kubernetes/settings.yaml"), "Rocket.toml");
    check(&with_local_secrets(&settings), Some(("pages/welcome.toml", &page)), "deploy/kubernetes").await;
}

#[test]
fn every_variable_of_the_compose_file_is_one_that_the_program_reads() {
    let compose = read("compose.yaml");
    let keys = compose.lines().filter_map(|line| line.trim().split_once(": ").map(|(key, _)| key));
    let set: BTreeSet<&str> = keys.filter(|key| key.starts_with("BELVEDERE_") && key.contains("__")).collect();
    assert_eq!(set.len(), 2, "{set:?}");
    let known = variables();
    assert!(set.iter().all(|variable| known.contains(*variable)), "{set:?}");
}

#[test]
fn kubernetes_gets_every_file_that_is_there() {
    let list = read("kubernetes/kustomization.yaml");
    for entry in fs::read_dir(folder().join("kubernetes")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "kustomization.yaml" || list.contains(&format!("- {name}\n")), "{name}");
    }
}
