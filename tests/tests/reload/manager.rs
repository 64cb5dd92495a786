use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::stage::PROGRAM;

/// The gateway tells a service manager when it is ready, that it lives, and that it stops; and listens where it was handed a
/// socket.
#[test]
fn the_service_manager_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).expect("bound");
    manager.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let text = format!(
        "[upstream]\ndomains = [\"example.test\"]\n[ledger]\ndirectory = \"{0}/ledger\"\n[[imap.listener]]\naddress = \
         \"{free}\"\ntls = \"none\"\nallow_plaintext_auth = true\n",
        folder.path().display()
    );
    std::fs::write(folder.path().join("gateway.toml"), text).expect("written");
    // As systemd does: it listens itself, as descriptor 3, and the process that is started has its id in LISTEN_PID.
    let script = "import os, socket, sys\n\
                  s = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=7)\n\
                  os.dup2(s.fileno(), 3)\n\
                  os.set_inheritable(3, True)\n\
                  os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))\n\
                  os.execv(sys.argv[3], sys.argv[3:])";
    let mut command = Command::new("python3");
    command.args(["-c", script, &free.ip().to_string(), &free.port().to_string(), PROGRAM, "run", "--config"]);
    command.arg(folder.path().join("gateway.toml")).env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "400000");
    let log = std::fs::File::create(folder.path().join("log")).expect("a log");
    let mut child = command.stdout(Stdio::null()).stderr(log).env_remove("WATCHDOG_PID").spawn().expect("started");
    let hears = || {
        let mut buffer = [0; 200];
        let count = manager.recv(&mut buffer).expect("something is said");
        String::from_utf8_lossy(&buffer[..count]).into_owned()
    };
    assert_eq!(hears(), "READY=1");
    assert_eq!((hears(), hears(), hears()), ("WATCHDOG=1".into(), "WATCHDOG=1".into(), "WATCHDOG=1".into()));
    let mut client = std::net::TcpStream::connect(free).expect("it listens");
    let mut greeting = [0; 4];
    std::io::Read::read_exact(&mut client, &mut greeting).expect("it greets");
    assert_eq!(&greeting, b"* OK");
    let said = std::fs::read_to_string(folder.path().join("log")).expect("readable");
    assert!(said.contains("the service manager handed a socket over"), "{said}");
    drop(client);
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill");
    while hears() != "STOPPING=1" {}
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn manual_pages_and_completions_are_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let written = Command::new(PROGRAM).arg("man").arg(folder.path()).status().expect("it runs");
    assert!(written.success());
    let page = std::fs::read_to_string(folder.path().join("mapi-gateway-config-show.1")).expect("written");
    assert!(page.contains("No secrets are shown"), "{page}");
    let output = Command::new(PROGRAM).args(["completions", "bash"]).output().expect("it runs");
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("complete -F"));
}
