use gateway::convert::mapi_to_mime::{RenderContext, RenderLimits, ResolvedAddresses, needed_dns, render};
use gateway::convert::mime_to_mapi::{Purpose, parse_within};
use mail_core::message::{Limits, Message};
use mail_core::{FlagSet, Keywords};
use mapi_core::fasttransfer::MessageList;
use mapi_core::message::MessageContent;
use mapi_core::property::FileTime;

use super::fasttransfer::LIMITS;

/// Messages of FastTransfer streams, rendered as MIME.
pub fn mime_render(data: &[u8]) {
    let mut list = MessageList::of_one_message(LIMITS);
    if list.push(data).and_then(|()| list.next_message()).is_ok()
        && let Ok(Some(message)) = list.finish()
    {
        check_rendering(&message.content);
    }
}

/// MIME messages, taken apart for storing and for sending, and rendered again.
pub fn mime_parse(data: &[u8]) {
    let address = || vec!["alice@example.test".to_owned()];
    let flags = FlagSet::SEEN;
    let append = Purpose::Append { flags, keywords: &Keywords::EMPTY, internal_date: FileTime::default() };
    let submit = Purpose::Submit { own_addresses: &address(), recipients: &address() };
    for purpose in [append, submit] {
        let read = Message::within(data.to_vec().into(), Limits::lenient(4, 20));
        let Ok(message) = parse_within(&read, purpose, 50) else { continue };
        assert!(message.recipients.len() <= 50);
        check_rendering(&message);
    }
}

fn check_rendering(message: &MessageContent) {
    let mut addresses = ResolvedAddresses::default();
    for (number, dn) in needed_dns(message).into_iter().enumerate() {
        addresses.insert(&dn, (number % 2 == 0).then(|| "someone@example.test".to_owned()));
    }
    let limits = RenderLimits { max_bytes: 1 << 20, max_depth: 4, max_rtf_bytes: 1 << 16 };
    let context = RenderContext { source_key: &[7; 22], addresses: &addresses, domain: "example.test", limits };
    let Ok(rendering) = render(message, &context) else { return };
    assert_eq!(render(message, &context).as_ref(), Ok(&rendering), "the same message, the same bytes");
    let bytes = &rendering.bytes[..];
    assert!(bytes.len() <= limits.max_bytes);
    assert_eq!(Message::new(rendering.bytes.clone()).header().range(), 0..rendering.header_len);
    // Signed and encrypted content is passed on as it was stored, whatever it is.
    if !bytes.windows(5).any(|window| window.eq_ignore_ascii_case(b"pkcs7") || window.eq_ignore_ascii_case(b"signe")) {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = line.strip_suffix(b"\r\n").unwrap_or(line);
            assert!(text.len() <= 998 && text.is_ascii() && !text.contains(&b'\r') && !text.contains(&b'\n'));
        }
    }
}
