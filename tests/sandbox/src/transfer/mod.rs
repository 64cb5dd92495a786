//! FastTransfer downloads and ICS: what a client's synchronisation state lacks, as streams ([MS-OXCFXICS] 3.2).

mod contents;
mod filter;
mod folder;
mod hierarchy;
mod message;
mod order;
mod source;

#[cfg(test)]
mod tests;

pub use contents::ContentsSync;
pub use filter::Filter;
pub use folder::folder_steps;
pub use hierarchy::hierarchy;
pub use message::{write_attachment_content, write_message_content};
pub use source::{Source, Step};
