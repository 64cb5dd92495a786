//! The words of the protocol: commands in ([`lower`] makes a [`request::Request`] of bytes), responses out
//! ([`response::Output`]).

pub(crate) mod append;
/// Messages to be stored.
pub mod append_message;
mod authenticate;
pub(crate) mod case;
/// What messages are put together of.
pub mod cat_part;
mod create;
mod cursor;
/// How messages are sent.
pub mod data_form;
mod enable;
/// What NOTIFY watches.
pub mod event_group;
mod fetch_modifier;
mod flags;
mod further_items;
pub mod list;
pub mod lower;
/// Names of mailboxes.
pub mod mailbox_name;
/// Sets of messages.
pub mod message_set;
pub(crate) mod message_url;
mod metadata;
/// What is asked of metadata.
pub mod metadata_request;
mod notify;
/// Orders of what is found.
pub mod order;
/// Pieces of lists.
pub mod partial_range;
mod plain_form;
pub mod quirk;
/// Commands as sessions see them.
pub mod request;
/// Writing responses.
pub mod response;
/// What searches return.
pub mod return_options;
/// Search keys.
pub mod search;
mod search_command;
mod search_program;
mod select;
/// Sets of numbers.
pub mod sequence;
mod status;
mod status_item;
pub(crate) mod tag;
mod text;
mod uid_batches;
mod update_items;
