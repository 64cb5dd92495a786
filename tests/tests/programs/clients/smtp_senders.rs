//! Programs and libraries that send, in every way of logging in and encrypting that they have.

use std::process::Command;

use lettre::message::{Attachment, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use libtest_mimic::Failed;
use mail_core::listener::TlsMode;
use smtp_front::server::ServerConfig;
use smtp_front::session::Policy;
use tests::smtp_talk::{TalkServer, policy, tls};

use super::support::run;

/// How a client encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encryption {
    None,
    StartTls,
    Implicit,
}

const ENCRYPTIONS: [Encryption; 3] = [Encryption::None, Encryption::StartTls, Encryption::Implicit];

/// A server that takes passwords unencrypted only if it never encrypts.
async fn server(encryption: Encryption) -> TalkServer {
    let (tls, _) = tls();
    let tls = match encryption {
        Encryption::None => TlsMode::None,
        Encryption::StartTls => TlsMode::StartTls(tls),
        Encryption::Implicit => TlsMode::Implicit(tls),
    };
    let policy = Policy { allow_plaintext_auth: encryption == Encryption::None, ..policy() };
    TalkServer::start(ServerConfig { tls, policy, ..ServerConfig::default() }, "").await
}

/// The only message that a server was given, as text.
fn received(server: &TalkServer) -> Result<String, Failed> {
    let submitted = server.backend.submitted();
    match submitted.as_slice() {
        [one] => Ok(String::from_utf8_lossy(&one.message).into_owned()),
        some => Err(format!("{} messages", some.len()).into()),
    }
}

pub async fn swaks_in_every_combination() -> Result<(), Failed> {
    for encryption in ENCRYPTIONS {
        for mechanism in ["PLAIN", "LOGIN"] {
            for pipeline in [false, true] {
                let server = server(encryption).await;
                let mut swaks = Command::new("swaks");
                swaks.args(["--server", "127.0.0.1", "--port", &server.address.port().to_string()]);
                swaks.args(["--auth", mechanism, "--auth-user", "alice", "--auth-password", "demo"]);
                swaks.args(["--from", "alice@example.test", "--to", "bob@example.test,carol@example.test"]);
                swaks.args(["--header", "Subject: by swaks", "--body", "one\n.two\n..\nlast"]);
                match encryption {
                    Encryption::None => {}
                    Encryption::StartTls => drop(swaks.arg("--tls")),
                    Encryption::Implicit => drop(swaks.arg("--tls-on-connect")),
                }
                if pipeline {
                    swaks.arg("--pipeline");
                }
                run(swaks).await?;
                let message = received(&server)?;
                let whole =
                    message.contains("Subject: by swaks\r\n") && message.contains("\r\none\r\n.two\r\n..\r\nlast\r\n");
                assert!(whole, "{encryption:?} {mechanism}: {message}");
                assert_eq!(server.backend.submitted()[0].envelope.recipients.len(), 2);
            }
        }
    }
    Ok(())
}

pub async fn msmtp_in_every_combination() -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let message = directory.path().join("message.eml");
    std::fs::write(&message, "From: alice@example.test\nTo: bob@example.test\nSubject: by msmtp\n\none\n.two\n\n")?;
    for encryption in ENCRYPTIONS {
        for mechanism in ["plain", "login"] {
            let server = server(encryption).await;
            let tls = match encryption {
                Encryption::None => "tls off",
                Encryption::StartTls => "tls on\ntls_starttls on\ntls_certcheck off",
                Encryption::Implicit => "tls on\ntls_starttls off\ntls_certcheck off",
            };
            let text = format!(
                "account default\nhost 127.0.0.1\nport {}\nauth {mechanism}\nuser alice\npassword demo\n\
                 from alice@example.test\n{tls}\n",
                server.address.port()
            );
            let configuration = directory.path().join("msmtprc");
            std::fs::write(&configuration, text)?;
            std::fs::set_permissions(&configuration, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
            let mut msmtp = Command::new("sh");
            let files = (configuration.display(), message.display());
            msmtp.arg("-c").arg(format!("msmtp -C {} -N never bob@example.test < {}", files.0, files.1));
            run(msmtp).await?;
            let message = received(&server)?;
            assert!(message.ends_with("\r\n\r\none\r\n.two\r\n\r\n"), "{encryption:?} {mechanism}: {message}");
            let recipient = &server.backend.submitted()[0].envelope.recipients[0];
            assert!(recipient.notify.is_some_and(|notify| !notify.failure), "{recipient:?}");
        }
    }
    Ok(())
}

pub async fn curl_in_every_combination() -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let message = directory.path().join("message.eml");
    std::fs::write(&message, "From: alice@example.test\r\nSubject: by curl\r\n\r\n.one\r\ntwo\r\n")?;
    for encryption in ENCRYPTIONS {
        for mechanism in ["PLAIN", "LOGIN"] {
            let server = server(encryption).await;
            let mut curl = Command::new("curl");
            curl.args(["-s", "--insecure", "-u", "alice:demo", "--login-options", &format!("AUTH={mechanism}")]);
            curl.args(["--mail-from", "alice@example.test", "--mail-rcpt", "bob@example.test", "-T"]).arg(&message);
            let scheme = match encryption {
                Encryption::None => "smtp",
                Encryption::StartTls => {
                    curl.arg("--ssl-reqd");
                    "smtp"
                }
                Encryption::Implicit => "smtps",
            };
            curl.arg(format!("{scheme}://{}/client", server.address));
            run(curl).await?;
            let message = received(&server)?;
            assert!(message.ends_with("\r\n\r\n.one\r\ntwo\r\n"), "{encryption:?} {mechanism}: {message}");
        }
    }
    Ok(())
}

/// One connection, five messages: plain, 8-bit, SMTPUTF8, with report parameters, and one with a refused recipient.
const SMTPLIB: &str = r#"
import smtplib, ssl, sys
from email.message import EmailMessage
port, mode, mechanism = int(sys.argv[1]), sys.argv[2], sys.argv[3]
context = ssl._create_unverified_context()
if mode == "implicit":
    client = smtplib.SMTP_SSL("127.0.0.1", port, context=context)
else:
    client = smtplib.SMTP("127.0.0.1", port)
if mode == "starttls":
    client.starttls(context=context)
client.ehlo()
client.user, client.password = "alice", "demo"
client.auth(mechanism, getattr(client, "auth_" + mechanism.lower()), initial_response_ok=mechanism == "PLAIN")
message = EmailMessage()
message["From"], message["To"], message["Subject"] = "alice@example.test", "bob@example.test", "by smtplib"
message.set_content("one\n.two\n")
client.send_message(message)
client.sendmail("alice@example.test", "bob@example.test", b"Subject: 8bit\r\n\r\nB\xfcro\r\n", mail_options=["BODY=8BITMIME"])
message.replace_header("To", "j\u00fcrgen@b\u00fccher.example")
client.send_message(message)
client.sendmail("", ["bob@example.test"], "Subject: report\n\n", mail_options=["RET=HDRS", "ENVID=x+2B"],
                rcpt_options=["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;bob@example.test"])
refused = client.sendmail("alice@example.test", ["bob@example.test", "nobody"], "Subject: last\n\n")
assert list(refused) == ["nobody"] and refused["nobody"][0] == 501, refused
assert client.verify("bob")[0] == 252
client.quit()
"#;

pub async fn smtplib_in_every_combination() -> Result<(), Failed> {
    for (encryption, mode) in ENCRYPTIONS.into_iter().zip(["none", "starttls", "implicit"]) {
        for mechanism in ["PLAIN", "LOGIN"] {
            let server = server(encryption).await;
            let mut python = Command::new("python3");
            python.args(["-c", SMTPLIB, &server.address.port().to_string(), mode, mechanism]);
            run(python).await?;
            let submitted = server.backend.submitted();
            assert_eq!(submitted.len(), 5, "{mode} {mechanism}");
            assert!(submitted[0].message.ends_with(b"\r\n\r\none\r\n.two\r\n"));
            assert_eq!(submitted[1].message, b"Subject: 8bit\r\n\r\nB\xfcro\r\n");
            let international = &submitted[2].envelope;
            assert!(international.utf8 && international.recipients[0].address.as_str() == "jürgen@bücher.example");
            let report = &submitted[3].envelope;
            assert!(report.sender.is_none() && report.ret.is_some() && report.envelope_id.as_deref() == Some("x+2B"));
            assert!(
                report.recipients[0].notify.is_some_and(|notify| notify.success && notify.failure && !notify.delay)
            );
            assert_eq!(submitted[4].envelope.recipients.len(), 1);
        }
    }
    Ok(())
}

pub async fn lettre_in_every_combination() -> Result<(), Failed> {
    let bytes: Vec<u8> = (0..300_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let attachment = Attachment::new("scan.pdf".to_owned()).body(bytes, "application/pdf".parse()?);
    let parts = MultiPart::mixed().singlepart(SinglePart::plain("Grüße\n.\n".to_owned())).singlepart(attachment);
    let message = lettre::Message::builder()
        .from("alice@example.test".parse()?)
        .to("bob@example.test".parse()?)
        .bcc("carol@example.test".parse()?)
        .subject("by lettre")
        .multipart(parts)?;
    for encryption in ENCRYPTIONS {
        for mechanism in [Mechanism::Plain, Mechanism::Login] {
            let server = server(encryption).await;
            let parameters =
                || TlsParameters::builder("localhost".to_owned()).dangerous_accept_invalid_certs(true).build();
            let tls = match encryption {
                Encryption::None => Tls::None,
                Encryption::StartTls => Tls::Required(parameters()?),
                Encryption::Implicit => Tls::Wrapper(parameters()?),
            };
            let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
                .port(server.address.port())
                .tls(tls)
                .credentials(Credentials::new("alice".to_owned(), "demo".to_owned()))
                .authentication(vec![mechanism])
                .build();
            for _ in 0..2 {
                transport.send(message.clone()).await?;
            }
            let submitted = server.backend.submitted();
            assert_eq!(submitted.len(), 2, "{encryption:?} {mechanism:?}");
            assert!(submitted.iter().all(|submitted| submitted.envelope.recipients.len() == 2 && submitted.spooled));
            // lettre puts a line end of its own before the end of the data.
            let sent = [message.formatted(), b"\r\n".to_vec()].concat();
            assert!(submitted.iter().all(|submitted| submitted.message == sent));
        }
    }
    Ok(())
}
