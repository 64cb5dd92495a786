use imap_codec::imap_types::flag::{Flag, StoreType};
use mail_core::{FlagChange, FlagChangeMode, FlagSet, Keywords};

/// How many keywords one STORE may name, and how long each may be.
const MAX_KEYWORDS: usize = 64;
const MAX_KEYWORD: usize = 128;

/// A change of flags as STORE and APPEND name it.
pub(super) fn lower_flags(kind: StoreType, flags: &[Flag<'_>]) -> Result<FlagChange, &'static str> {
    let mut system = FlagSet::EMPTY;
    let mut keywords = Vec::new();
    for flag in flags {
        system = system.union(match flag {
            Flag::Answered => FlagSet::ANSWERED,
            Flag::Deleted => FlagSet::DELETED,
            Flag::Draft => FlagSet::DRAFT,
            Flag::Flagged => FlagSet::FLAGGED,
            Flag::Seen => FlagSet::SEEN,
            // What PERMANENTFLAGS does not list may be ignored (RFC 3501 7.1), and copies of flags from elsewhere have such.
            Flag::Extension(_) => FlagSet::EMPTY,
            Flag::Keyword(keyword) => {
                keywords.push(keyword.inner().to_owned());
                FlagSet::EMPTY
            }
        });
    }
    if keywords.len() > MAX_KEYWORDS || keywords.iter().any(|keyword| keyword.len() > MAX_KEYWORD) {
        return Err("Too many keywords, or too long ones");
    }
    let mode = match kind {
        StoreType::Replace => FlagChangeMode::Replace,
        StoreType::Add => FlagChangeMode::Add,
        StoreType::Remove => FlagChangeMode::Remove,
    };
    Ok(FlagChange { mode, flags: system, keywords: Keywords::from_iter(keywords) })
}
