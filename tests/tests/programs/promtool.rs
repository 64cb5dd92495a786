//! What Prometheus' own program says of the metrics.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

use exchange_sandbox::{Sandbox, seed};
use libtest_mimic::{Failed, Trial};
use tests::imap_client::ImapClient;
use tests::process::{Gateway, Settings};
use tests::stack::{ALICE, PASSWORD, PLAIN_LISTENERS};
use tests::until::until;

pub fn trials() -> Vec<Trial> {
    let required = std::env::var_os("REQUIRE_CLIENTS").is_some_and(|value| value == "1");
    let name = "promtool::check_metrics";
    let there = Command::new("promtool").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    vec![match there {
        Ok(_) => Trial::test(name, || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(check_metrics())
        }),
        Err(_) => Trial::test(name, || Err("promtool is not installed (Debian: prometheus)".into()))
            .with_ignored_flag(!required),
    }]
}

async fn check_metrics() -> Result<(), Failed> {
    let builder = Sandbox::builder().user(ALICE, PASSWORD, "Alice");
    let sandbox = builder.start(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    seed::demo(&sandbox, 20).map_err(|error| format!("{error:?}"))?;
    let folder = tempfile::tempdir()?;
    let sections = format!("{PLAIN_LISTENERS}\n[admin]\naddress = \"127.0.0.1:0\"");
    let program = env!("CARGO_BIN_EXE_gateway-under-test");
    let settings = Settings { sections: &sections, ..Settings::new(program, folder.path(), sandbox.addr()) };
    let gateway = Gateway::start(settings).await?;
    let mut client = ImapClient::login(gateway.imap, ALICE, PASSWORD).await;
    client.command("SELECT INBOX").await.ok();
    client.command("FETCH 1:* (ENVELOPE)").await.ok();
    let mut admin: Option<SocketAddr> = None;
    until("the pages are there", async || {
        let log = gateway.log();
        let line = log.lines().find(|line| line.contains("pages for administrators"));
        let record: Option<serde_json::Value> = line.and_then(|line| serde_json::from_str(line).ok());
        admin = record.and_then(|record| record["fields"]["address"].as_str()?.parse().ok());
        admin.is_some()
    })
    .await;
    let mut stream = TcpStream::connect(admin.ok_or("no address")?)?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    if !head.contains(" 200 ") || !body.contains("mapi_gateway_imap_command_seconds_bucket") {
        return Err(answer.into());
    }
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut promtool = command.spawn()?;
    promtool.stdin.take().ok_or("no input")?.write_all(body.as_bytes())?;
    let output = promtool.wait_with_output()?;
    let said = [output.stdout, output.stderr].concat();
    // Where it only finds fault with names it says so, and ends with another status.
    if output.status.success() && said.is_empty() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&said).as_ref().into())
    }
}
