use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mapi_core::auth::kerberos::Keytab;
use mapi_core::client::Kdcs;
use mapi_core::client::dns::Resolver;
use tempfile::TempDir;

pub const REALM: &str = "EXAMPLE.TEST";
/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// MIT's KDC with a realm of its own, on a port of this machine, for as long as this lives.
pub struct Kdc {
    directory: TempDir,
    pub port: u16,
    process: Option<Child>,
}

impl Drop for Kdc {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Kdc {
    /// With the users `name`, `password`, and services of these hosts.
    pub fn start(users: &[(&str, &str)], hosts: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut kdc = Self { directory, port: free_port(), process: None };
        kdc.configure();
        kdc.run("kdb5_util", &["create", "-s", "-r", REALM, "-P", "of no use to anybody"]);
        for (name, password) in users {
            kdc.admin(&format!("addprinc -pw {password} +requires_preauth {name}"));
        }
        for host in hosts {
            kdc.admin(&format!("addprinc -randkey HTTP/{host}"));
            kdc.admin(&format!("ktadd -k {} HTTP/{host}", kdc.path("http.keytab").display()));
        }
        // Somebody else may take the port in between.
        for _ in 0..5 {
            if kdc.serve() {
                return kdc;
            }
            kdc.stop();
            kdc.port = free_port();
            kdc.configure();
        }
        panic!("krb5kdc does not start: {}", kdc.log());
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A command of kadmin.
    pub fn admin(&self, query: &str) {
        self.run("kadmin.local", &["-r", REALM, "-q", query]);
    }

    /// The service's keys.
    pub fn service(&self) -> Keytab {
        Keytab::decode(&std::fs::read(self.path("http.keytab")).expect("readable")).expect("a keytab")
    }

    /// What it says of what it does.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("kdc.log")).unwrap_or_default()
    }

    pub fn kdcs(&self) -> Kdcs {
        Kdcs {
            realm: REALM.to_owned(),
            servers: vec![format!("127.0.0.1:{}", self.port)],
            resolver: Resolver::new([]),
            patience: PATIENCE,
        }
    }

    /// Ends it; nobody listens at its port then.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("killed");
            process.wait().expect("ended");
        }
    }

    /// A program that knows this realm.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .env("PATH", format!("{path}:/usr/sbin:/sbin"))
            .env("KRB5_CONFIG", self.path("krb5.conf"))
            .env("KRB5_KDC_PROFILE", self.path("kdc.conf"))
            .env("KRB5RCACHENAME", "none:");
        command
    }

    pub fn run(&self, program: &str, arguments: &[&str]) {
        let output = self.command(program).args(arguments).stdin(Stdio::null()).output().expect("it runs");
        // kadmin.local succeeds whatever happens; what it does is seen later.
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !said.contains("while"), "{program} {arguments:?}: {said}");
    }

    fn serve(&mut self) -> bool {
        let mut command = self.command("krb5kdc");
        command.args(["-n", "-r", REALM]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(command.spawn().expect("it starts"));
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))).is_ok() {
                return true;
            }
            let ended = self.process.as_mut().is_none_or(|process| process.try_wait().expect("known").is_some());
            if ended {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    fn configure(&self) {
        let (directory, port) = (self.directory.path().display(), self.port);
        let krb5 = format!(
            "[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n rdns = false\n \
             dns_canonicalize_hostname = false\n[realms]\n {REALM} = {{\n  kdc = 127.0.0.1:{port}\n }}\n"
        );
        std::fs::write(self.path("krb5.conf"), krb5).expect("written");
        let kdc = format!(
            "[realms]\n {REALM} = {{\n  database_name = {directory}/principal\n  key_stash_file = {directory}/stash\n  \
             acl_file = {directory}/acl\n  kdc_listen = \"\"\n  kdc_tcp_listen = 127.0.0.1:{port}\n  \
             supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal\n }}\n\
             [logging]\n kdc = FILE:{directory}/kdc.log\n"
        );
        std::fs::write(self.path("kdc.conf"), kdc).expect("written");
    }
}

/// A port that is free now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("bound").port()
}
