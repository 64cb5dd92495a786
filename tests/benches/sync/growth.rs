use std::time::Instant;

use exchange_sandbox::RunningSandbox;
use exchange_sandbox::seed::MessageBuilder;
use exchange_sandbox::store::{Mailbox, Special};
use gateway::ledger::{FolderHead, MessageRecord, RenderingRecord, Run, StoredFolder};
use gateway::sync::FolderState;
use mail_core::Keywords;
use mapi_core::id::{Gid, GlobalCounter, Guid};
use tests::imap_client::ImapClient;
use tests::process::{Gateway, Settings};
use tests::processor::Processor;
use tests::stack::{ALICE, PASSWORD};

use crate::{ALLOCATOR, Measured, PROGRAM, mebibytes, sandbox_of, within};

/// Messages of the folders; the last one is compared with the first one.
const SIZES: [usize; 4] = [1000, 10_000, 100_000, 400_000];
/// The most that a change may cost in the largest folder, as a multiple of what it costs in the smallest one.
const FACTOR: f64 = 2.0;
/// Sessions that look.
const SESSIONS: usize = 10;
/// Changes that are measured together, and how often: the median counts.
const CHANGES: usize = 20;
const BATCHES: usize = 7;
/// Messages of the folder whose SELECT is timed.
const SELECTED: usize = 200_000;

/// What a changed flag and a delivery cost the gateway in folders of different sizes, with sessions that look.
pub async fn measure() -> Measured {
    println!("memory of a folder's state and snapshot: {} bytes for each message", bytes_per_message());
    let mut costs = Vec::new();
    for messages in SIZES {
        costs.push(changes(messages).await?);
    }
    select().await?;
    let ratio = |of: fn(&Costs) -> f64| of(&costs[SIZES.len() - 1]) / of(&costs[0]);
    let unit = format!("times, {} messages against {}", SIZES[SIZES.len() - 1], SIZES[0]);
    let flag = within("a changed flag", ratio(|costs| costs.flag), FACTOR, &unit);
    flag.and(within("a delivery", ratio(|costs| costs.delivery), FACTOR, &unit))
}

/// Milliseconds of processor time for each.
struct Costs {
    flag: f64,
    delivery: f64,
}

async fn changes(messages: usize) -> Result<Costs, String> {
    let sandbox = sandbox_of(&[ALICE.to_owned()]).await;
    let ids = fill(&sandbox, messages);
    let directory = tempfile::tempdir().expect("a directory");
    let gateway = Gateway::start(Settings::new(PROGRAM, directory.path(), sandbox.addr())).await?;
    let mut sessions = Vec::with_capacity(SESSIONS);
    for _ in 0..SESSIONS {
        sessions.push(idle(&gateway).await);
    }
    let (mut flags, mut deliveries) = (Vec::new(), Vec::new());
    let mut known = messages;
    // The first batch of each is for what happens only once.
    for batch in 0..=BATCHES {
        let before = processor(&gateway)?;
        for change in 0..CHANGES {
            let id = ids[(batch * CHANGES + change) * 7919 % ids.len()];
            in_inbox(&sandbox, |mailbox, _| mailbox.set_flagged(id, true).expect("flagged"));
            hear(&mut sessions, "FETCH (FLAGS").await;
        }
        flags.push(milliseconds(&gateway, &before)? / CHANGES as f64);
        let before = processor(&gateway)?;
        for _ in 0..CHANGES {
            sandbox.deliver(ALICE, MessageBuilder::new("new").body("text").build()).expect("delivered");
            known += 1;
            hear(&mut sessions, &format!("* {known} EXISTS")).await;
        }
        deliveries.push(milliseconds(&gateway, &before)? / CHANGES as f64);
    }
    let costs = Costs { flag: median(flags), delivery: median(deliveries) };
    println!(
        "{messages} messages, {SESSIONS} sessions: {:.2} ms for a changed flag, {:.2} ms for a delivery; memory {:.0} MiB",
        costs.flag,
        costs.delivery,
        mebibytes(&gateway, "VmRSS")?
    );
    Ok(costs)
}

async fn select() -> Result<(), String> {
    let sandbox = sandbox_of(&[ALICE.to_owned()]).await;
    fill(&sandbox, SELECTED);
    let directory = tempfile::tempdir().expect("a directory");
    let mut gateway = Gateway::start(Settings::new(PROGRAM, directory.path(), sandbox.addr())).await?;
    for what in ["first SELECT", "SELECT after a restart", "SELECT after another restart"] {
        let before = processor(&gateway)?;
        let empty = mebibytes(&gateway, "VmRSS")?;
        let mut client = ImapClient::login(gateway.imap, ALICE, PASSWORD).await;
        let began = Instant::now();
        client.command("SELECT INBOX").await.ok();
        let took = began.elapsed().as_secs_f64();
        println!(
            "{what} of {SELECTED} messages: {took:.2} s, the gateway's processor {:.2} s; memory {:.0} MiB more, at the most \
             {:.0} MiB in all",
            milliseconds(&gateway, &before)? / 1e3,
            mebibytes(&gateway, "VmRSS")? - empty,
            mebibytes(&gateway, "VmHWM")?
        );
        gateway.stop().await?;
        gateway.ensure_running().await?;
    }
    Ok(())
}

/// Puts very small messages into the inbox, all of them read; gives their ids.
fn fill(sandbox: &RunningSandbox, messages: usize) -> Vec<u64> {
    let message = MessageBuilder::new("m").body("b").build();
    in_inbox(sandbox, |mailbox, inbox| {
        let ids = (0..messages).map(|_| mailbox.add(inbox, message.clone(), true).expect("added")).collect();
        mailbox.forget_events();
        ids
    })
}

fn in_inbox<T>(sandbox: &RunningSandbox, work: impl FnOnce(&mut Mailbox, u64) -> T) -> T {
    sandbox.with(|store| {
        let mailbox = store.mailbox_of(ALICE).expect("a mailbox");
        let inbox = mailbox.special(Special::Inbox);
        work(mailbox, inbox)
    })
}

async fn idle(gateway: &Gateway) -> ImapClient {
    let mut client = ImapClient::login(gateway.imap, ALICE, PASSWORD).await;
    client.command("SELECT INBOX").await.ok();
    client.send("IDLE").await;
    while !client.response().await.starts_with(b"+") {}
    client
}

/// Waits until all sessions were told.
async fn hear(sessions: &mut [ImapClient], what: &str) {
    for session in sessions {
        while !String::from_utf8_lossy(&session.response().await).contains(what) {}
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.remove(0);
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn processor(gateway: &Gateway) -> Result<Processor, String> {
    Ok(Processor::of(&[gateway.process_id()?]))
}

fn milliseconds(gateway: &Gateway, before: &Processor) -> Result<f64, String> {
    Ok(processor(gateway)?.since(before).as_secs_f64() * 1e3)
}

/// What a folder that is rendered to the end takes.
fn bytes_per_message() -> usize {
    const MESSAGES: u32 = 100_000;
    let record = |uid: u32| MessageRecord {
        uid,
        gid: Gid { replica_guid: Guid([1; 16]), counter: GlobalCounter::new(u64::from(uid)) },
        modseq: 2,
        server_flags: 0,
        overlay_set: 0,
        overlay_cleared: 0,
        keywords: Keywords::EMPTY,
        internal_date: i64::from(uid),
        rendering: Some(RenderingRecord { size: uid, digest: [2; 32] }),
        changed_at: 1,
        suspect: false,
        state: None,
    };
    let head = FolderHead {
        version: 1,
        uid_validity: 1,
        uid_next: MESSAGES + 1,
        uid_ceiling: MESSAGES + 1,
        highest_modseq: 2,
        ics: Vec::new(),
    };
    let rows = (1..=MESSAGES).map(record).collect();
    let stored = StoredFolder { head, rows, next_article: None, run: Run::default() };
    let before = ALLOCATOR.current_usage() - MESSAGES as usize * size_of::<MessageRecord>();
    let state = FolderState::from_stored(stored);
    let view = state.view();
    let used = ALLOCATOR.current_usage() - before;
    assert_eq!(view.snapshot.rows().len(), MESSAGES as usize);
    used / MESSAGES as usize
}
