//! Bodies of the fuzz targets: one function per decoder that reads bytes from outside.
//!
//! Each takes any bytes and panics only if the decoder is wrong: it panics itself, cutting the input changes its
//! result, or what it accepts is not what it writes. `fuzz/` runs them under libFuzzer; the test `fuzz_corpus` runs them
//! over the corpus.

mod autodiscover;
mod convert;
mod fasttransfer;
mod http;
mod imap;
mod imap_session;
mod kerberos;
#[path = "../../imap-front/tests/support/mod.rs"]
mod memory_store;
mod nspi;
mod rop;
mod sasl;
mod sign_in;
mod smtp;

/// A fuzz target: its name, which is that of its corpus directory, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// Every fuzz target.
pub const TARGETS: &[Target] = &[
    ("autodiscover", autodiscover::autodiscover),
    ("auxiliary", http::auxiliary),
    ("body", http::body),
    ("entity", http::entity),
    ("extended", http::extended),
    ("fasttransfer", fasttransfer::messages),
    ("fasttransfer_sync", fasttransfer::synchronisation),
    ("idset", fasttransfer::idset),
    ("imap_command", imap::command),
    ("imap_frame", imap::frame),
    ("imap_message", imap::message),
    ("imap_session", imap_session::session),
    ("kerberos", kerberos::kerberos),
    ("lz77", http::lz77),
    ("mime_parse", convert::mime_parse),
    ("mime_render", convert::mime_render),
    ("nspi", nspi::nspi),
    ("rop_request", rop::request),
    ("rop_response", rop::response),
    ("rtf", http::rtf),
    ("sasl", sasl::sasl),
    ("sign_in", sign_in::sign_in),
    ("smtp_command", smtp::command),
    ("smtp_data", smtp::data),
    ("smtp_proxy", smtp::proxy),
    ("smtp_session", smtp::session),
];

/// Runs the target `name`.
///
/// # Panics
/// If there is no such target, or the decoder is wrong.
pub fn run(name: &str, data: &[u8]) {
    let (_, body) = TARGETS.iter().find(|(target, _)| *target == name).expect("a fuzz target of this name");
    body(data);
}

/// Cuts bytes in two, at a place that the first byte decides.
fn cut(data: &[u8]) -> [&[u8]; 2] {
    let Some((&place, data)) = data.split_first() else { return [&[], &[]] };
    let at = data.len() * usize::from(place) / 256;
    [&data[..at], &data[at..]]
}
