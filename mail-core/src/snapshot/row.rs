use std::ops::{AddAssign, SubAssign};

/// A row of [`super::Rows`].
pub trait Row: Clone {
    /// What is counted of rows. It is kept for every chunk, so that it is known without looking at the rows, and those that
    /// count are found without looking at the others.
    type Counts: Copy + Default + AddAssign + SubAssign;

    /// The UID by which it is known.
    fn uid(&self) -> u32;

    /// What it counts.
    fn counts(&self) -> Self::Counts;
}
