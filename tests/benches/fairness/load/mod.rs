//! What loads the gateway, in a process of its own on one core.

mod append;
mod client;
mod crowd;
mod fetch;
pub mod message;
mod search;
mod slow;
mod start;
mod stuck;
mod submit;
mod tally;
mod worst;

use std::net::SocketAddr;
use std::process::ExitCode;

use start::Start;
use tests::machine;
use tokio::sync::oneshot;

/// In which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// SEARCH for hundreds of words in a large text.
    Search,
    /// Large messages again and again.
    Fetch,
    /// Large messages appended, and such that never come to an end.
    Append,
    /// Large messages sent.
    Submit,
    /// As many connections as there may be, of strangers and logged in, coming and going.
    Crowd,
    /// Much asked for, and read slowly.
    Slow,
    /// An upstream that goes on saying that it works on it.
    Stuck,
    /// All of it at once, in the form that takes most memory.
    Worst,
}

impl Kind {
    /// Those that are measured each by itself.
    pub const ALL: [Self; 7] =
        [Self::Search, Self::Fetch, Self::Append, Self::Submit, Self::Crowd, Self::Slow, Self::Stuck];

    pub fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Fetch => "fetch",
            Self::Append => "append",
            Self::Submit => "submit",
            Self::Crowd => "crowd",
            Self::Slow => "slow",
            Self::Stuck => "stuck",
            Self::Worst => "worst",
        }
    }
}

/// Where the gateway listens.
#[derive(Debug, Clone, Copy)]
pub struct Servers {
    pub imap: SocketAddr,
    pub smtp: SocketAddr,
}

/// Loads the gateway until the input ends: the main function of the process. `what` is the kind, the servers for IMAP and
/// SMTP, and users. Says when it could begin, begins when a line comes, and says at the end what it did; that it did nothing is
/// a failure.
pub fn generate(what: &[String]) -> ExitCode {
    let [kind, imap, smtp, users @ ..] = what else { return ExitCode::FAILURE };
    let kinds = Kind::ALL.into_iter().chain([Kind::Worst]);
    let (Some(kind), Ok(imap), Ok(smtp)) =
        (kinds.into_iter().find(|known| known.name() == kind), imap.parse(), smtp.parse())
    else {
        return ExitCode::FAILURE;
    };
    machine::stay_on_one_core();
    let (servers, users) = (Servers { imap, smtp }, users.to_vec());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (start, go) = Start::new();
        let loading = async {
            match kind {
                Kind::Search => search::run(servers, start).await,
                Kind::Fetch => fetch::run(servers, start).await,
                Kind::Append => append::run(servers, start).await,
                Kind::Submit => submit::run(servers, start).await,
                Kind::Crowd => crowd::run(servers, start).await,
                Kind::Slow => slow::run(servers, start).await,
                Kind::Stuck => stuck::run(servers, start).await,
                Kind::Worst => worst::run(servers, users, start).await,
            }
            // It goes on in tasks.
            std::future::pending::<()>().await;
        };
        let (end, ended) = oneshot::channel();
        std::thread::spawn(move || {
            let mut lines = std::io::stdin().lines();
            drop(lines.next());
            go.send_replace(true);
            lines.for_each(drop);
            let _ = end.send(());
        });
        tokio::select! {
            () = loading => {}
            _ = ended => {}
        }
    });
    runtime.shutdown_background();
    println!("{}", tally::shown());
    if tally::is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
