//! What an independent parser finds in a message.

use mail_parser::{Address, Message, MessageParser, MimeHeaders, PartType};
use sha2::{Digest, Sha256};

/// What a conversion must keep.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    pub subject: String,
    pub from: Vec<(String, String)>,
    pub to: Vec<(String, String)>,
    pub cc: Vec<(String, String)>,
    pub message_id: Option<String>,
    pub date: Option<i64>,
    /// The HTML body, or else the text body.
    pub body: String,
    pub attachments: Vec<ObservedAttachment>,
    pub nested: Vec<Observed>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObservedAttachment {
    pub name: Option<String>,
    pub media_type: String,
    pub digest: String,
    pub content_id: Option<String>,
}

pub fn observe(message: &[u8]) -> Observed {
    let parsed = MessageParser::new().parse(message).unwrap_or_default();
    observed(&parsed)
}

fn observed(message: &Message<'_>) -> Observed {
    let mut out = Observed {
        subject: message.subject().unwrap_or_default().to_owned(),
        from: addresses(message.from()),
        to: addresses(message.to()),
        cc: addresses(message.cc()),
        message_id: message.message_id().map(str::to_owned),
        date: message.date().map(|date| date.to_timestamp()),
        body: String::new(),
        ..Observed::default()
    };
    let html = message.html_body.iter().find_map(|id| match &message.parts[*id as usize].body {
        PartType::Html(html) => Some(html.to_string()),
        _ => None,
    });
    let text = message.text_body.iter().filter_map(|id| match &message.parts[*id as usize].body {
        PartType::Text(text) => Some(text.to_string()),
        _ => None,
    });
    let body = html.unwrap_or_else(|| text.map(|text| format!("{}\n", text.trim_end_matches(['\r', '\n']))).collect());
    out.body = body.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned();
    for id in &message.attachments {
        let part = &message.parts[*id as usize];
        let bytes: &[u8] = match &part.body {
            PartType::Message(inner) => {
                out.nested.push(observed(inner));
                continue;
            }
            PartType::Text(text) | PartType::Html(text) => text.as_bytes(),
            PartType::Binary(data) | PartType::InlineBinary(data) => data,
            PartType::Multipart(_) => continue,
        };
        let media_type = part.content_type().map_or("text/plain".to_owned(), |kind| {
            format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()).to_lowercase()
        });
        out.attachments.push(ObservedAttachment {
            name: part.attachment_name().map(str::to_owned),
            media_type,
            digest: Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
            content_id: part.content_id().map(str::to_owned),
        });
    }
    out.attachments.sort();
    out
}

fn addresses(address: Option<&Address<'_>>) -> Vec<(String, String)> {
    let Some(address) = address else { return Vec::new() };
    address
        .iter()
        .map(|found| {
            let address = found.address().unwrap_or_default();
            // A name that repeats the address says nothing.
            let name = found.name().filter(|name| *name != address).unwrap_or_default();
            (name.to_owned(), address.to_owned())
        })
        .collect()
}
