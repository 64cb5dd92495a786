/// How the bytes of a message are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reading {
    /// As the standards say: what FETCH shows, whose part numbers all readers must agree on.
    #[default]
    Strict,
    /// As whoever wrote them meant them: so that no text is lost when a message becomes another. Where the bytes follow the
    /// standards both are the same.
    ///
    /// * A header ends at the first line that is no field.
    /// * Content-Type, Content-Disposition and Content-Transfer-Encoding are understood as far as they can be.
    Lenient,
}

impl Reading {
    pub(super) fn is_lenient(self) -> bool {
        self == Self::Lenient
    }
}
