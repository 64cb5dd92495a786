use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use exchange_sandbox::{Builder, RunningSandbox, Sandbox};
use tempfile::TempDir;
use tests::process::{Gateway, Settings};
use tests::stack::{ALICE, BOB, PASSWORD, PLAIN_LISTENERS};
use tests::until::until;

use super::identity::Identity;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_gateway-under-test");

/// A gateway process with listeners that show the certificate in its folder, before a sandbox.
pub struct Stage {
    pub sandbox: RunningSandbox,
    pub gateway: Gateway,
    pub folder: TempDir,
}

/// Listeners with TLS, and `[tls]` with `FOLDER` for the stage's folder.
pub const TLS_LISTENERS: &str = r#"
[tls]
certificate_file = "FOLDER/certificate.pem"
key_file = "FOLDER/key.pem"
[[imap.listener]]
address = "127.0.0.1:0"
tls = "implicit"
[[smtp.listener]]
address = "127.0.0.1:0"
tls = "implicit"
"#;

impl Stage {
    /// Without TLS.
    pub async fn plain(upstream_keys: &str, sections: &str, adapt: impl FnOnce(Builder) -> Builder) -> Self {
        Self::set(upstream_keys, &format!("{PLAIN_LISTENERS}\n{sections}"), adapt).await
    }

    /// `FOLDER` in the sections is the stage's folder.
    pub async fn set(upstream_keys: &str, sections: &str, adapt: impl FnOnce(Builder) -> Builder) -> Self {
        let builder =
            [ALICE, BOB].into_iter().fold(Sandbox::builder(), |builder, user| builder.user(user, PASSWORD, user));
        let sandbox = adapt(builder).start(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("the sandbox starts");
        let folder = tempfile::tempdir().expect("a folder");
        Identity::new().write(folder.path());
        let path = folder.path().display().to_string();
        let (sections, upstream_keys) = (sections.replace("FOLDER", &path), upstream_keys.replace("FOLDER", &path));
        let settings = Settings {
            sections: &sections,
            upstream_keys: &upstream_keys,
            ..Settings::new(PROGRAM, folder.path(), sandbox.addr())
        };
        let gateway = Gateway::start(settings).await.expect("the gateway starts");
        Self { sandbox, gateway, folder }
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("gateway.toml")
    }

    /// Changes the configuration file at once, without telling the gateway.
    pub fn edit(&self, change: impl FnOnce(String) -> String) {
        let text = change(std::fs::read_to_string(self.config()).expect("readable"));
        replace(&self.config(), &text);
    }

    pub fn hang_up(&self) {
        let id = self.gateway.process_id().expect("it lives").to_string();
        assert!(Command::new("kill").args(["-HUP", &id]).status().expect("kill").success());
    }

    /// How many lines of the log contain this.
    pub fn logged(&self, what: &str) -> usize {
        self.gateway.log().lines().filter(|line| line.contains(what)).count()
    }

    /// Sends SIGHUP and waits until the configuration was read; the last line that says so.
    pub async fn reload(&self) -> String {
        self.told_after("was read again", || self.hang_up()).await
    }

    /// Does something and waits until the log has one more line with `what`, which is the result.
    pub async fn told_after(&self, what: &str, action: impl FnOnce()) -> String {
        let before = self.logged(what);
        action();
        until(what, async || self.logged(what) > before).await;
        self.gateway.log().lines().rfind(|line| line.contains(what)).expect("logged").to_owned()
    }
}

/// As administrators' tools do: a file takes another one's place as a whole.
pub fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).expect("written");
    std::fs::rename(&new, path).expect("renamed");
}
