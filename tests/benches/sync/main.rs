//! How soon clients hear of new mail, and what large folders and many connections cost. The gateway is a process of its own
//! with the sandbox as its upstream; each figure has a bound, and a bound that is missed fails the run.
//!
//! `cargo bench -p tests --bench sync [-- latency | large | connections | mailboxes | compressed | growth | listing | search]`: all of them, or those that are named.

mod connections;
mod growth;
mod large;
mod latency;
mod listing;
mod mailboxes;
mod search;

use std::process::ExitCode;

use exchange_sandbox::seed;
use exchange_sandbox::store::Special;
use exchange_sandbox::{RunningSandbox, Sandbox};
use peak_alloc::PeakAlloc;
use tests::machine;
use tests::process::Gateway;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_gateway-under-test");
const NAMES: [&str; 8] = ["latency", "large", "connections", "compressed", "mailboxes", "growth", "listing", "search"];

/// Tells how much memory of this process (not of the gateway's) is in use.
#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// What a measurement says if a bound was missed, or if it could not be made.
type Measured = Result<(), String>;

fn main() -> ExitCode {
    // Cargo adds `--bench`.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if let Some(unknown) = wanted.iter().find(|name| !NAMES.contains(&name.as_str())) {
        eprintln!("no such measurement: {unknown}; there are {NAMES:?}");
        return ExitCode::FAILURE;
    }
    println!("machine: {}", machine::describe());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut missed = Vec::new();
    for name in NAMES.into_iter().filter(|name| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name)) {
        let measured = runtime.block_on(async {
            match name {
                "latency" => latency::measure().await,
                "large" => large::measure().await,
                "growth" => growth::measure().await,
                "listing" => listing::measure().await,
                "search" => search::measure().await,
                "mailboxes" => mailboxes::measure().await,
                _ => connections::measure(name == "compressed").await,
            }
        });
        missed.extend(measured.err().map(|why| format!("{name}: {why}")));
    }
    if missed.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("missed:\n{}", missed.join("\n"));
    ExitCode::FAILURE
}

/// Says a figure and its bound.
fn within(what: &str, figure: f64, bound: f64, unit: &str) -> Measured {
    println!("{what}: {figure:.1} {unit} (bound {bound:.0} {unit})");
    if figure <= bound { Ok(()) } else { Err(format!("{what}: {figure:.1} {unit}, bound {bound:.0} {unit}")) }
}

/// A sandbox of these users, whose password is [`tests::stack::PASSWORD`].
async fn sandbox_of(users: &[String]) -> RunningSandbox {
    let builder = users.iter().fold(Sandbox::builder(), |builder, user| {
        builder.user(user, tests::stack::PASSWORD, user.split('@').next().unwrap_or_default())
    });
    builder.start(std::net::SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("the sandbox starts")
}

/// Puts small messages into a user's inbox.
fn fill(sandbox: &RunningSandbox, user: &str, messages: usize) {
    sandbox.with(|store| {
        let mailbox = store.mailbox_of(user).expect("a mailbox");
        let inbox = mailbox.special(Special::Inbox);
        seed::bulk(mailbox, inbox, messages).expect("seeded");
    });
}

fn mebibytes(gateway: &Gateway, figure: &str) -> Result<f64, String> {
    Ok(gateway.memory(figure)? as f64 / 1024.0)
}
