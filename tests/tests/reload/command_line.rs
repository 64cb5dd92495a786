use std::process::{Command, Output};

use super::identity::Identity;
use super::stage::PROGRAM;

fn run(arguments: &[&str], text: &str) -> (Output, String) {
    let folder = tempfile::tempdir().expect("a folder");
    Identity::new().write(folder.path());
    let file = folder.path().join("gateway.toml");
    std::fs::write(&file, text.replace("FOLDER", &folder.path().display().to_string())).expect("written");
    let mut command = Command::new(PROGRAM);
    let output = command.args(arguments).arg("--config").arg(&file).env_remove("RUST_LOG").output().expect("it runs");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output, said)
}

const GOOD: &str = r#"[upstream]
domains = ["example.test"]
autodiscover_url = "https://user:hunter2@example.test/"
[tls]
certificate_file = "FOLDER/certificate.pem"
key_file = "FOLDER/key.pem"
[[imap.listener]]
address = "127.0.0.1:1993"
tls = "implicit"
"#;

#[test]
fn config_check_finds_what_a_start_would() {
    let (output, said) = run(&["config", "check"], GOOD);
    assert!(output.status.success() && said.contains("no mistakes (1 IMAP and 0 SMTP listeners"), "{said}");
    for (from, to, named) in [
        ("tls = ", "tsl = ", "imap.listener[0].tsl: unknown field"),
        ("FOLDER/key.pem", "FOLDER/certificate.pem", "tls.key_file"),
        ("[tls]", "[log]\nfilter = \"loud\"\n[tls]", "log.filter"),
    ] {
        let (output, said) = run(&["config", "check"], &GOOD.replace(from, to));
        assert!(!output.status.success() && said.contains(named), "{named}: {said}");
    }
}

#[test]
fn config_show_tells_values_and_where_they_come_from() {
    let (output, said) = run(&["config", "show"], GOOD);
    assert!(output.status.success(), "{said}");
    let line = |key: &str| said.lines().find(|line| line.starts_with(&format!("{key} ="))).expect(key);
    assert_eq!(line("upstream.domains"), "upstream.domains = [\"example.test\"]  # line 2, changed by a restart");
    assert_eq!(line("limits.memory_bytes"), "limits.memory_bytes = 134217728  # default, changed by SIGHUP");
    assert_eq!(
        line("imap.listener[0].address").split_once("  # ").expect("a source").1,
        "line 8, changed by a restart"
    );
    assert!(!said.contains("hunter2") && line("upstream.autodiscover_url").contains("https://(hidden)@example.test/"));
    let (_, few) = run(&["config", "show", "--changed"], GOOD);
    assert!(!few.contains("# default") && few.lines().count() == 6, "{few}");
    let (_, json) = run(&["config", "show", "--json"], GOOD);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&json).expect("JSON");
    let row = rows.iter().find(|row| row["key"] == "smtp.max_recipients").expect("there");
    assert_eq!(
        *row,
        serde_json::json!({ "key": "smtp.max_recipients", "value": 1000, "source": "default", "reload": true })
    );
}
