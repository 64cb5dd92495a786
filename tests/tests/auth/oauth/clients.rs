//! Programs that sign in with tokens.

use std::process::Command;

use tests::imap_client::ImapClient;

use super::stack::{ALICE, BOB, Stack};

/// Signs in to IMAP and SMTP as Python's own libraries do: a callback is asked for each challenge.
const PYTHON: &str = r#"
import imaplib, smtplib, sys
imap_port, smtp_port, user, token = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
asked = []
def xoauth2(token):
    def answer(challenge=None):
        asked.append(challenge)
        # The reason of a refusal is answered by nothing.
        return b'' if challenge and challenge.startswith(b'{') else f'user={user}\x01auth=Bearer {token}\x01\x01'.encode()
    return answer
imap = imaplib.IMAP4('127.0.0.1', imap_port)
assert 'AUTH=XOAUTH2' in imap.capabilities, imap.capabilities
try:
    imap.authenticate('XOAUTH2', xoauth2('wrong'))
    raise SystemExit('a wrong token was taken')
except imaplib.IMAP4.error as error:
    assert 'AUTHENTICATIONFAILED' in str(error), error
assert asked[-1] == b'{"status":"401","schemes":"bearer"}', asked
imap.authenticate('XOAUTH2', xoauth2(token))
assert imap.select('INBOX')[0] == 'OK'
assert imap.fetch('1', '(RFC822)')[0] == 'OK'
imap.logout()

def bearer(token):
    def answer(challenge=None):
        return '' if challenge and challenge.startswith(b'{') else f'n,a={user},\x01auth=Bearer {token}\x01\x01'
    return answer
smtp = smtplib.SMTP('127.0.0.1', smtp_port)
smtp.ehlo()
try:
    smtp.auth('OAUTHBEARER', bearer('wrong'))
    raise SystemExit('a wrong token was taken')
except smtplib.SMTPAuthenticationError as error:
    assert error.smtp_code == 535, error
for mechanism, answer in [('XOAUTH2', lambda challenge=None: xoauth2(token)(challenge).decode()), ('OAUTHBEARER', bearer(token))]:
    smtp = smtplib.SMTP('127.0.0.1', smtp_port)
    smtp.ehlo()
    smtp.auth(mechanism, answer)
    smtp.sendmail(user, ['bob@example.test'], f'From: {user}\r\nTo: bob@example.test\r\nSubject: python {mechanism}\r\n\r\nx\r\n')
    smtp.quit()
"#;

/// Runs a program to its end, and shows what it said if it failed.
async fn run(mut command: Command) -> String {
    let shown = format!("{command:?}");
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("it ends").expect("it starts");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{shown}: {said}");
    said
}

fn is_there(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
    let there = found.is_ok_and(|output| output.status.success());
    assert!(there || std::env::var("REQUIRE_CLIENTS").as_deref() != Ok("1"), "no {program}");
    if !there {
        println!("skipped: no {program}");
    }
    there
}

/// Bob's messages with this subject.
fn received(stack: &Stack, subject: &str) -> usize {
    stack.sandbox.with(|store| {
        let mailbox = store.mailbox_of(BOB).expect("Bob has a mailbox");
        mailbox.find_subject(mailbox.special(exchange_sandbox::store::Special::Inbox), subject).len()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn imaplib_and_smtplib() {
    let stack = Stack::start().await;
    let mut python = Command::new("python3");
    python.args(["-c", PYTHON, &stack.imap.port().to_string(), &stack.smtp.port().to_string(), ALICE]);
    python.arg(stack.tokens().issue(ALICE));
    run(python).await;
    assert_eq!((received(&stack, "python XOAUTH2"), received(&stack, "python OAUTHBEARER")), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn curl() {
    if !is_there("curl") {
        return;
    }
    let stack = Stack::start().await;
    let token = stack.tokens().issue(ALICE);
    let message = stack.directory.path().join("message.eml");
    for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
        let sign_in = ["-s", "--oauth2-bearer", &token, "-u", ALICE, "--login-options", &format!("AUTH={mechanism}")];
        let mut curl = Command::new("curl");
        curl.args(sign_in).arg(format!("imap://{}/", stack.imap));
        let list = run(curl).await;
        assert!(list.contains("INBOX"), "{list}");
        let text = format!("From: {ALICE}\r\nTo: {BOB}\r\nSubject: curl {mechanism}\r\n\r\nx\r\n");
        std::fs::write(&message, text).expect("written");
        let mut curl = Command::new("curl");
        curl.args(sign_in).args(["--mail-from", ALICE, "--mail-rcpt", BOB, "-T"]).arg(&message);
        run({
            curl.arg(format!("smtp://{}/", stack.smtp));
            curl
        })
        .await;
        assert_eq!(received(&stack, &format!("curl {mechanism}")), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mutt() {
    if !is_there("mutt") || !is_there("script") {
        return;
    }
    // It shows tokens over TLS only.
    let stack = Stack::configured("auth = \"bearer\"", "", |_, directory| {
        let directory = directory.path();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        std::fs::write(directory.join("certificate.pem"), made.cert.pem()).expect("written");
        std::fs::write(directory.join("key.pem"), made.signing_key.serialize_pem()).expect("written");
        format!(
            "[tls]\ncertificate_file = \"{0}/certificate.pem\"\nkey_file = \"{0}/key.pem\"\n\
             [[imap.listener]]\naddress = \"127.0.0.1:0\"\ntls = \"implicit\"\n",
            directory.display()
        )
    })
    .await;
    let token = stack.tokens().issue(ALICE);
    let home = stack.directory.path();
    for mechanism in ["oauthbearer", "xoauth2"] {
        let configuration = home.join("muttrc");
        let text = format!(
            "set folder=\"imaps://{ALICE}@{}/\"\nset imap_user=\"{ALICE}\"\nset imap_authenticators=\"{mechanism}\"\n\
             set imap_oauth_refresh_command=\"echo {token}\"\nset spoolfile=\"+INBOX\"\nset ssl_verify_host=no\n\
             set certificate_file=\"{}/certificate.pem\"\nset confirmappend=no\nset confirmcreate=no\nset move=no\nset quit=yes\n\
             set wait_key=no\npush \"<first-entry><copy-message>={mechanism}<enter><quit>\"\n",
            stack.service.imap_addresses()[1],
            home.display()
        );
        std::fs::write(&configuration, text).expect("written");
        let mut mutt = Command::new("timeout");
        mutt.args(["120", "script", "-qec", &format!("mutt -n -F {}", configuration.display()), "/dev/null"]);
        mutt.env("TERM", "xterm").env("HOME", home);
        run(mutt).await;
        let mut imap: ImapClient = stack.imap(ALICE, &token).await;
        let status = imap.command(&format!("STATUS {mechanism} (MESSAGES)")).await.ok();
        assert!(status.line("(MESSAGES 1)").is_some(), "{:?}", status.lines());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn msmtp() {
    if !is_there("msmtp") {
        return;
    }
    let stack = Stack::start().await;
    let token = stack.tokens().issue(ALICE);
    let message = stack.directory.path().join("message.eml");
    let text = format!("From: {ALICE}\nTo: {BOB}\nSubject: by msmtp\n\nx\n");
    std::fs::write(&message, text).expect("written");
    let mut sent = 0;
    for mechanism in ["oauthbearer", "xoauth2"] {
        let mut msmtp = Command::new("sh");
        let options = format!(
            "--file=/dev/null --host=127.0.0.1 --port={} --tls=off --auth={mechanism} --user={ALICE} --from={ALICE}",
            stack.smtp.port()
        );
        msmtp.args(["-c", &format!("msmtp {options} --passwordeval='echo {token}' {BOB} < {}", message.display())]);
        run(msmtp).await;
        sent += 1;
        assert_eq!(received(&stack, "by msmtp"), sent);
    }
}
