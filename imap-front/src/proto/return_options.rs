use super::partial_range::PartialRange;

/// What a search is to return (`search-return-opt`, RFC 4731, RFC 5182, RFC 5267, RFC 9394).
#[allow(missing_docs, reason = "the names are those of the RFCs")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReturnOptions {
    pub min: bool,
    pub max: bool,
    pub all: bool,
    pub count: bool,
    pub partial: Option<PartialRange>,
    pub save: bool,
    /// The client will ask the same again: nothing is made of it.
    pub context: bool,
    pub update: bool,
}

impl ReturnOptions {
    /// Whether an ESEARCH response is due (RFC 5182 2.1: of what is only saved nothing is shown).
    pub fn is_shown(&self) -> bool {
        self.min || self.max || self.all || self.count || self.partial.is_some() || !self.save
    }
}
