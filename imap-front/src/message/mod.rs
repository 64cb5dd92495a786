//! What FETCH shows of a message: what [`mail_core::message`] finds in its bytes, in the grammar of IMAP.

mod bodystructure;
mod envelope;
mod preview;
mod section;
mod without_nul;

pub use bodystructure::write_body;
pub use envelope::write_envelope;
pub use preview::preview;
pub use section::write_section;
pub use without_nul::without_nul;
