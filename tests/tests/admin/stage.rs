use std::net::SocketAddr;
use std::process::Command;

use exchange_sandbox::{RunningSandbox, Sandbox, seed};
use tempfile::TempDir;
use tests::process::{Gateway, Settings};
use tests::stack::{ALICE, BOB, PASSWORD, PLAIN_LISTENERS};
use tests::until::until;

use super::http::{Answer, get};

pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const PROGRAM: &str = env!("CARGO_BIN_EXE_gateway-under-test");

/// A gateway process with pages for administrators, before a sandbox with a few messages.
pub struct Stage {
    pub sandbox: RunningSandbox,
    pub gateway: Gateway,
    pub admin: SocketAddr,
    pub folder: TempDir,
}

impl Stage {
    /// `FOLDER` in the sections is a folder with the file `token`.
    pub async fn set(sections: &str) -> Self {
        let builder =
            [ALICE, BOB].into_iter().fold(Sandbox::builder(), |builder, user| builder.user(user, PASSWORD, user));
        let sandbox = builder.start(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("the sandbox starts");
        seed::demo(&sandbox, 20).expect("seeded");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("token"), format!("{TOKEN}\n")).expect("written");
        std::fs::write(folder.path().join("password"), PASSWORD).expect("written");
        let sections = format!("{PLAIN_LISTENERS}\n{sections}").replace("FOLDER", &folder.path().display().to_string());
        let settings = Settings { sections: &sections, ..Settings::new(PROGRAM, folder.path(), sandbox.addr()) };
        let gateway = Gateway::start(settings).await.expect("the gateway starts");
        let mut admin = None;
        until("the pages are there", async || {
            let log = gateway.log();
            let line = log.lines().find(|line| line.contains("pages for administrators"));
            let record: Option<serde_json::Value> = line.and_then(|line| serde_json::from_str(line).ok());
            admin = record.and_then(|record| record["fields"]["address"].as_str()?.parse().ok());
            admin.is_some()
        })
        .await;
        Self { sandbox, gateway, admin: admin.expect("logged"), folder }
    }

    /// On loopback, with a token for pages about users.
    pub async fn local() -> Self {
        Self::set("[admin]\naddress = \"127.0.0.1:0\"\ntoken_file = \"FOLDER/token\"").await
    }

    pub async fn get(&self, path: &str) -> Answer {
        get(self.admin, path, "").await
    }

    pub async fn get_with_token(&self, path: &str) -> Answer {
        get(self.admin, path, &format!("Authorization: Bearer {TOKEN}\r\n")).await
    }

    /// The value of a series, by the beginning of its line.
    pub async fn figure(&self, series: &str) -> f64 {
        let text = self.get("/metrics").await.body;
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().expect("a number"))
    }

    pub fn hang_up(&self) {
        let id = self.gateway.process_id().expect("it lives").to_string();
        assert!(Command::new("kill").args(["-HUP", &id]).status().expect("kill").success());
    }
}
