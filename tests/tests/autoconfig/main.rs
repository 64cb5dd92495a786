//! Clients that find the gateway by an address alone.

use std::net::SocketAddr;
use std::process::Command;

use gateway::config::Config;
use gateway::service::Service;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PROGRAM: &str = env!("CARGO_BIN_EXE_gateway-under-test");

fn text(more: &str, folder: &TempDir) -> String {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    std::fs::write(folder.path().join("certificate.pem"), made.cert.pem()).expect("written");
    std::fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).expect("written");
    let text = format!(
        r#"
[upstream]
domains = ["example.test", "example.org"]
[ledger]
directory = "FOLDER/ledger"
[tls]
certificate_file = "FOLDER/certificate.pem"
key_file = "FOLDER/key.pem"
[[imap.listener]]
address = "127.0.0.1:0"
tls = "starttls"
[[imap.listener]]
address = "127.0.0.1:0"
tls = "implicit"
[[imap.listener]]
address = "127.0.0.1:0"
tls = "none"
[[smtp.listener]]
address = "127.0.0.1:0"
tls = "starttls"
[admin]
address = "127.0.0.1:0"
[autoconfig]
name = "Mail & more"
imap_host = "imap.example.org"
smtp_host = "smtp.example.org"
{more}
[[autoconfig.listener]]
address = "127.0.0.1:0"
tls = "none"
"#
    );
    text.replace("FOLDER", &folder.path().display().to_string())
}

struct Running {
    service: Service,
    address: SocketAddr,
    _folder: TempDir,
}

async fn start(more: &str) -> Running {
    let folder = tempfile::tempdir().expect("a folder");
    let config = Config::parse(&text(more, &folder)).expect("good");
    let service = Service::start(&config).await.expect("it starts");
    let address = service.autoconfig_addresses()[0];
    Running { service, address, _folder: folder }
}

impl Running {
    async fn ask(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.expect("it listens");
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = String::new();
        // What is refused early may be reset.
        let _ = stream.read_to_string(&mut answer).await;
        let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        (status, answer.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned()))
    }

    async fn get(&self, path: &str) -> (u16, String) {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: autoconfig.example.test\r\n\r\n")).await
    }

    async fn post(&self, header: &str, body: &str) -> (u16, String) {
        let length = body.len();
        self.ask(&format!(
            "POST /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: example.test\r\nContent-Length: {length}\r\n{header}\r\n{body}"
        ))
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thunderbird_is_told_where_everything_is() {
    let gateway = start("").await;
    for path in ["/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml"] {
        let (status, body) = gateway.get(&format!("{path}?emailaddress=alice%40example.org")).await;
        assert_eq!(status, 200);
        let (imap, smtp) = (gateway.service.imap_addresses(), gateway.service.smtp_addresses());
        let server = |port: u16, socket: &str| format!("<port>{port}</port>\n      <socketType>{socket}</socketType>");
        let places =
            [server(imap[1].port(), "SSL"), server(imap[0].port(), "STARTTLS"), server(smtp[0].port(), "STARTTLS")];
        let found: Vec<_> = places.iter().map(|place| body.find(place).expect(place)).collect();
        assert!(found.is_sorted(), "the best first: {body}");
        assert!(!body.contains(&format!("<port>{}<", imap[2].port())), "nobody is sent where nothing is encrypted");
        for part in [
            "<domain>example.test</domain>",
            "<hostname>imap.example.org</hostname>",
            "Mail &amp; more",
            "%EMAILADDRESS%",
        ] {
            assert!(body.contains(part), "{part}: {body}");
        }
        assert!(!body.contains("alice"), "no more than where things are");
        assert_eq!(gateway.get(path).await.0, 200);
        assert_eq!(gateway.get(&format!("{path}?emailaddress=alice%40elsewhere.example")).await.0, 404);
    }
}

/// Nothing but client settings is here, whoever asks.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_is_served() {
    let gateway = start("").await;
    for path in ["/", "/metrics", "/healthz", "/readyz", "/user", "/style.css", "/autodiscover/autodiscover.xml"] {
        assert_eq!(gateway.get(path).await.0, 404, "{path}");
    }
    assert_eq!(gateway.post("", "<EMailAddress>alice@example.org</EMailAddress>").await.0, 404, "only if configured");
}

#[tokio::test(flavor = "multi_thread")]
async fn autodiscover_is_answered_if_configured() {
    let gateway = start("pox = true").await;
    let question = |address: &str| {
        format!("<Autodiscover><Request><EMailAddress>{address}</EMailAddress></Request></Autodiscover>")
    };
    let (status, body) = gateway.post("", &question("alice@example.org")).await;
    let imap = gateway.service.imap_addresses()[1].port();
    assert_eq!(status, 200);
    for part in [
        "<Type>IMAP</Type>\n<Server>imap.example.org</Server>",
        &format!("<Port>{imap}</Port>"),
        "<LoginName>alice@example.org<",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
    for wrong in ["alice@elsewhere.example", "alice", "<x>@example.org", "@example.org", "a b@example.org"] {
        assert_eq!(gateway.post("", &question(wrong)).await.0, 404, "{wrong}");
    }
    assert_eq!(
        gateway.post("X-Mapi-Gateway: search\r\n", &question("alice@example.org")).await.0,
        404,
        "its own search"
    );
    assert_eq!(gateway.post("", &"x".repeat(20_000)).await.0, 413);
    assert_eq!(gateway.get("/autodiscover/autodiscover.xml").await.0, 405);
}

/// Python's plistlib reads it.
#[tokio::test(flavor = "multi_thread")]
async fn apple_gets_a_profile() {
    let gateway = start("").await;
    let (status, body) = gateway.get("/email.mobileconfig?email=o'neil%26co%40example.org").await;
    assert_eq!(status, 200);
    let script = "import plistlib, sys, json, uuid\n\
                  p = plistlib.loads(sys.stdin.buffer.read()); a = p['PayloadContent'][0]\n\
                  uuid.UUID(p['PayloadUUID']); uuid.UUID(a['PayloadUUID']); assert p['PayloadUUID'] != a['PayloadUUID']\n\
                  print(a['EmailAddress'], a['IncomingMailServerHostName'], a['IncomingMailServerPortNumber'], \
                  a['IncomingMailServerUseSSL'], a['OutgoingMailServerUsername'], a['EmailAccountDescription'])";
    let mut python = Command::new("python3");
    python.args(["-c", script]).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut python = python.spawn().expect("python3, which other tests need, too");
    std::io::Write::write_all(&mut python.stdin.take().expect("piped"), body.as_bytes()).expect("written");
    let output = python.wait_with_output().expect("it ends");
    let port = gateway.service.imap_addresses()[1].port();
    let expected = format!("o'neil&co@example.org imap.example.org {port} True o'neil&co@example.org Mail & more\n");
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    assert_eq!(gateway.get("/email.mobileconfig?email=o'neil%26co%40example.org").await.1, body, "always the same");
    for wrong in ["", "?email=alice%40elsewhere.example", "?email=%3Cx%3E%40example.org", "?email=%ff"] {
        assert!(matches!(gateway.get(&format!("/email.mobileconfig{wrong}")).await.0, 400 | 404), "{wrong}");
    }
}

#[test]
fn dns_prints_the_records() {
    let folder = tempfile::tempdir().expect("a folder");
    let text =
        text("", &folder).replacen("127.0.0.1:0", "127.0.0.1:143", 1).replacen("127.0.0.1:0", "127.0.0.1:993", 1);
    let file = folder.path().join("gateway.toml");
    std::fs::write(&file, &text).expect("written");
    let run = || Command::new(PROGRAM).args(["dns", "--config"]).arg(&file).output().expect("it runs");
    let output = run();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in [
        "_imaps._tcp.example.test. 3600 IN SRV 0 1 993 imap.example.org.",
        "_imap._tcp.example.org. 3600 IN SRV 0 1 143 imap.example.org.",
        "_submissions._tcp.example.org. 3600 IN SRV 0 0 0 .",
        "autoconfig.example.test. 3600 IN CNAME imap.example.org.",
    ] {
        assert!(output.status.success() && said.lines().any(|said| said == line), "{line}\n{said}");
    }
    std::fs::write(&file, text.replace("imap_host = \"imap.example.org\"", "imap_host = \"imap/\"")).expect("written");
    let wrong = String::from_utf8_lossy(&run().stderr).into_owned();
    assert!(wrong.contains("autoconfig.imap_host: `imap/` is no host name"), "{wrong}");
}
