//! What every program must do that keeps a Maildir and the mailbox the same.

use std::future::Future;
use std::path::{Path, PathBuf};

use libtest_mimic::Failed;
use tests::imap_client::ImapClient;
use tests::stack::{ALICE, PASSWORD, Stack};

use super::maildir;
use super::support::{counts, read_everything, with_subject, writes_nothing};

/// New folders, new, moved, flagged and deleted messages of either side arrive at the other; then there is nothing to do.
/// `mail` is the Maildir tree, with `INBOX` in it; a run that has nothing to do may ask the upstream `idle_executes` times.
pub async fn syncs_both_ways<F>(
    stack: &Stack,
    mail: &Path,
    idle_executes: u64,
    sync: impl Fn() -> F,
) -> Result<(), Failed>
where
    F: Future<Output = Result<Vec<u8>, Failed>>,
{
    sync().await?;
    let start = read_everything(stack.imap, ALICE).await?;
    assert_eq!(counts(&maildir::read(mail)?), counts(&start));
    let near = change_near(mail)?;
    let far = change_far(stack, near.untouched).await;
    sync().await?;

    let here = maildir::read(mail)?;
    let there = read_everything(stack.imap, ALICE).await?;
    assert_eq!(counts(&here), counts(&there));
    let grown = |folder: &str| there[folder].len() as i64 - start.get(folder).map_or(0, Vec::len) as i64;
    // Away went one dropped and one moved of either side; one came.
    assert_eq!(grown("INBOX"), -3, "{:?}", counts(&there));
    assert_eq!((grown("Projects"), grown("Far/Away")), (1, 1), "{:?}", counts(&there));
    for (folder, subject) in [("INBOX", "near in the inbox"), ("Fresh/Inner", "near and new"), ("Far", "far and new")] {
        assert_eq!((with_subject(&here, folder, subject), with_subject(&there, folder, subject)), (1, 1), "{subject}");
    }
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("SELECT INBOX").await.ok();
    let flags = client.command(&format!("UID FETCH {} FLAGS", near.flagged)).await.ok().lines().join("");
    for flag in ["\\Answered", "\\Flagged", "\\Seen"] {
        assert!(flags.contains(flag), "{flag} in {flags}");
    }
    let found = client.command("SEARCH SUBJECT \"near in the inbox\" FLAGGED SEEN").await.ok();
    assert!(found.line("* SEARCH ").is_some(), "{:?}", found.lines());
    for gone in [near.dropped, near.moved, far.dropped, far.moved] {
        assert!(client.command(&format!("UID FETCH {gone} FLAGS")).await.ok().untagged.is_empty(), "{gone}");
    }
    let flagged = |path: &PathBuf| uid_of(path) == Some(far.flagged) && path.to_string_lossy().ends_with(":2,FRS");
    assert!(maildir::listing(mail)?.iter().any(flagged), "{:?}", maildir::listing(mail)?);

    let before = maildir::listing(mail)?;
    let executes = writes_nothing(stack, sync()).await?;
    assert_eq!(maildir::listing(mail)?, before, "a run after that does nothing here");
    assert!(read_everything(stack.imap, ALICE).await? == there, "and nothing there");
    println!("a run that had nothing to do: {executes} E");
    assert!(executes <= idle_executes, "{executes} requests for nothing");
    Ok(())
}

/// UIDs of the inbox.
struct Near {
    dropped: u32,
    flagged: u32,
    moved: u32,
    untouched: [u32; 3],
}

struct Far {
    dropped: u32,
    flagged: u32,
    moved: u32,
}

fn change_near(mail: &Path) -> Result<Near, Failed> {
    let message = |subject: &str| format!("From: a@example.org\nTo: b@example.org\nSubject: {subject}\n\nbody\n");
    for folder in ["Fresh", "Fresh/Inner"] {
        for sub in ["cur", "new", "tmp"] {
            std::fs::create_dir_all(mail.join(folder).join(sub))?;
        }
    }
    std::fs::write(mail.join("Fresh/Inner/new/1.near"), message("near and new"))?;
    std::fs::write(mail.join("INBOX/cur/2.near:2,FS"), message("near in the inbox"))?;
    let mut known: Vec<(u32, PathBuf)> = Vec::new();
    for sub in ["cur", "new"] {
        for entry in std::fs::read_dir(mail.join("INBOX").join(sub))? {
            let path = entry?.path();
            known.extend(uid_of(&path).map(|uid| (uid, path)));
        }
    }
    known.sort();
    let [(dropped, drop_path), (flagged, flag_path), (moved, move_path), (a, _), (b, _), (c, _), ..] = &known[..]
    else {
        return Err("six messages in the inbox".into());
    };
    std::fs::remove_file(drop_path)?;
    let name = flag_path.file_name().and_then(|name| name.to_str()).ok_or("a name")?;
    let base = name.split_once(":2,").map_or(name, |(base, _)| base);
    std::fs::rename(flag_path, mail.join("INBOX/cur").join(format!("{base}:2,FRS")))?;
    // Mail programs give what they move another name.
    std::fs::rename(move_path, mail.join("Projects/cur/3.near:2,S"))?;
    Ok(Near { dropped: *dropped, flagged: *flagged, moved: *moved, untouched: [*a, *b, *c] })
}

async fn change_far(stack: &Stack, [dropped, flagged, moved]: [u32; 3]) -> Far {
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("CREATE Far/Away").await.ok();
    let message = "From: a@example.org\r\nTo: b@example.org\r\nSubject: far and new\r\n\r\nbody\r\n";
    client.command(&format!("APPEND Far (\\Seen) {{{}+}}\r\n{message}", message.len())).await.ok();
    client.command("SELECT INBOX").await.ok();
    client.command(&format!("UID STORE {flagged} FLAGS (\\Answered \\Flagged \\Seen)")).await.ok();
    client.command(&format!("UID MOVE {moved} Far/Away")).await.ok();
    client.command(&format!("UID STORE {dropped} +FLAGS (\\Deleted)")).await.ok();
    client.command(&format!("UID EXPUNGE {dropped}")).await.ok();
    Far { dropped, flagged, moved }
}

/// The UID in the name that sync programs give files.
fn uid_of(path: &Path) -> Option<u32> {
    let name = path.file_name()?.to_str()?;
    name.split_once(",U=")?.1.split([':', ',']).next()?.parse().ok()
}
