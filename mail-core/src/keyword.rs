use std::sync::Arc;

/// The keywords of a message: case kept, compared without case, no duplicates, in a fixed order. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keywords(Option<Arc<[Box<str>]>>);

impl Keywords {
    /// None.
    pub const EMPTY: Self = Self(None);

    /// Iterates in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|list| list.iter()).map(AsRef::as_ref)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |list| list.len())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether `keyword` is among them, whatever its case.
    pub fn contains(&self, keyword: &str) -> bool {
        self.iter().any(|k| k.eq_ignore_ascii_case(keyword))
    }
}

impl<S: AsRef<str>> FromIterator<S> for Keywords {
    fn from_iter<I: IntoIterator<Item = S>>(keywords: I) -> Self {
        let mut list: Vec<Box<str>> = Vec::new();
        for keyword in keywords {
            let keyword = keyword.as_ref();
            if !list.iter().any(|k| k.eq_ignore_ascii_case(keyword)) {
                list.push(keyword.into());
            }
        }
        list.sort();
        Self((!list.is_empty()).then(|| list.into()))
    }
}
