use mapi_core::property::FileTime;

use super::message::kinds;
use super::{MessageBuilder, Random};
use crate::RunningSandbox;
use crate::store::{Mailbox, Special, StoreResult};

/// 2026-01-05 08:00 UTC.
const START: i64 = 1_767_600_000;
/// Time between two messages: seconds.
const STEP: i64 = 5_400;

const PEOPLE: [(&str, &str); 6] = [
    ("Carol Example", "carol@elsewhere.test"),
    ("Dave O'Neil", "dave@elsewhere.test"),
    ("Jörg Müller", "joerg@elsewhere.test"),
    ("Build Server", "build@tools.test"),
    ("山田 太郎", "taro@elsewhere.test"),
    ("Newsletter", "news@lists.test"),
];

/// Fills the mailboxes of all users with about `messages` varied messages each: in the Inbox, in nested folders, in
/// Sent Items, Drafts, Archive and Junk; read and unread, flagged, categorised. Always the same ones.
///
/// # Errors
/// None that a fresh sandbox has.
pub fn demo(sandbox: &RunningSandbox, messages: usize) -> StoreResult<()> {
    let users = sandbox.with(|store| store.users().to_vec());
    for (number, user) in users.iter().enumerate() {
        sandbox.with(|store| {
            let Some(mailbox) = store.mailbox_mut(number) else { return Ok(()) };
            let mut random = Random::new(0x5EED + number as u64);
            mailbox.freeze(Some(FileTime::from_unix_seconds(START)));
            let owner = (user.display_name.as_str(), user.address.as_str());
            let filled = fill(mailbox, &mut random, owner, messages);
            mailbox.freeze(None);
            mailbox.forget_events();
            filled
        })?;
    }
    Ok(())
}

fn fill(mailbox: &mut Mailbox, random: &mut Random, owner: (&str, &str), messages: usize) -> StoreResult<()> {
    let top = mailbox.special(Special::IpmSubtree);
    let mut folder = |parent: u64, name: &str| mailbox.create_folder(parent, name, "", 1, true).map(|(id, _)| id);
    let projects = folder(top, "Projects")?;
    let alpha = folder(projects, "Alpha/Beta & Co")?;
    let deep = folder(alpha, "2026")?;
    let clients = folder(top, "Kunden Süd")?;
    let empty = folder(top, "Nothing here")?;
    let inbox = mailbox.special(Special::Inbox);
    let lists = mailbox.create_folder(inbox, "Lists", "", 1, true)?.0;
    // Shares of a hundred.
    let places = [
        (inbox, 50),
        (projects, 8),
        (alpha, 8),
        (deep, 6),
        (clients, 6),
        (lists, 6),
        (mailbox.special(Special::SentItems), 6),
        (mailbox.special(Special::Archive), 4),
        (mailbox.special(Special::Drafts), 2),
        (mailbox.special(Special::Junk), 2),
        (mailbox.special(Special::DeletedItems), 2),
        (empty, 0),
    ];
    let mut number = 0;
    for (place, share) in places {
        let count = (messages * share).div_ceil(100);
        for _ in 0..count {
            one(mailbox, random, owner, place, number)?;
            number += 1;
        }
    }
    Ok(())
}

fn one(mailbox: &mut Mailbox, random: &mut Random, owner: (&str, &str), folder: u64, number: usize) -> StoreResult<()> {
    let sent = folder == mailbox.special(Special::SentItems) || folder == mailbox.special(Special::Drafts);
    let person = PEOPLE.get(random.below(PEOPLE.len())).copied().unwrap_or(owner);
    let (author, reader) = if sent { (owner, person) } else { (person, owner) };
    let seconds = START + i64::try_from(number).unwrap_or(0) * STEP;
    let time = FileTime::from_unix_seconds(seconds);
    let subject = match number % 9 {
        0 => format!("RE: {}", kinds::words(random, 3)),
        1 => format!("🎉 {} 🚀", kinds::words(random, 2)),
        2 => String::new(),
        _ => format!("{} #{number}", kinds::words(random, 4)),
    };
    let mut base = MessageBuilder::new(subject)
        .from(author.0, author.1)
        .recipient(1, reader.0, reader.1)
        .date(time)
        .message_id(format!("<demo-{number}@example.test>"));
    if number.is_multiple_of(5) {
        base = base.recipient(2, "Team", "team@elsewhere.test");
    }
    let mut message = kinds::build(random, number, base);
    if number.is_multiple_of(7) {
        message = message.flagged();
    }
    if number.is_multiple_of(11) {
        message = message.categories(&["Blue", "Größe"]);
    }
    if number.is_multiple_of(13) {
        message = message.answered();
    }
    if folder == mailbox.special(Special::Drafts) {
        use mapi_core::property::tags::PidTagMessageFlags;
        message = message.set(PidTagMessageFlags, mapi_core::property::PropertyValue::Integer32(9));
    }
    mailbox.freeze(Some(FileTime(time.0 + 40_000_000)));
    mailbox.add(folder, message.build(), sent || !number.is_multiple_of(3))?;
    Ok(())
}
