use mapi_core::property::FileTime;

use super::message::kinds;
use super::{MessageBuilder, Random};
use crate::store::{Mailbox, StoreResult};

/// Adds `count` small plain messages of about one kibibyte to a folder, quickly, without events; a tenth is unread.
///
/// # Errors
/// `ecNotFound` if there is no such folder.
pub fn bulk(mailbox: &mut Mailbox, folder: u64, count: usize) -> StoreResult<()> {
    /// 2025-06-02 06:00 UTC.
    const START: i64 = 1_748_844_000;
    let mut random = Random::new(0xB01C + folder);
    let body = kinds::paragraphs(&mut random, 500);
    for number in 0..count {
        let time = FileTime::from_unix_seconds(START + i64::try_from(number).unwrap_or(0) * 60);
        let message = MessageBuilder::new(format!("bulk message {number}"))
            .from("Carol Example", "carol@elsewhere.test")
            .recipient(1, "Alice Example", "alice@example.test")
            .date(time)
            .message_id(format!("<bulk-{folder}-{number}@example.test>"))
            .body(body.as_str());
        mailbox.freeze(Some(FileTime(time.0 + 40_000_000)));
        mailbox.add(folder, message.build(), number % 10 != 0)?;
    }
    mailbox.freeze(None);
    mailbox.forget_events();
    Ok(())
}
