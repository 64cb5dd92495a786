use crate::bench::{Answer, code};
use crate::error::Trouble;

/// How a scenario ends.
pub(super) type Done = Result<(), Trouble>;

/// What was answered in few words: the return value.
pub(super) fn result(answer: &Answer) -> String {
    code(answer.code)
}
