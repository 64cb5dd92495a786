use std::collections::BTreeMap;

/// How messages are sorted, and compared with what Dovecot makes of them.
pub const SORTS: [&str; 13] = [
    "SORT (ARRIVAL)",
    "SORT (CC)",
    "SORT (DATE)",
    "SORT (DISPLAYFROM)",
    "SORT (DISPLAYTO)",
    "SORT (FROM)",
    "SORT (SIZE)",
    "SORT (SUBJECT)",
    "SORT (TO)",
    "SORT (REVERSE SUBJECT)",
    "SORT (REVERSE DATE)",
    "SORT (FROM REVERSE SIZE)",
    "SORT (SUBJECT REVERSE ARRIVAL)",
];

/// The algorithms of THREAD.
pub const THREADS: [&str; 3] = ["THREAD ORDEREDSUBJECT", "THREAD REFERENCES", "THREAD REFS"];

/// Of this one threads are compared, and not which comes first: by draft-ietf-morg-inthread 4 it is the thread with the newest
/// INTERNALDATE that comes last. Dovecot goes by the Date field.
pub const UNSORTED: &str = "THREAD REFS";

/// What is to be returned of a search.
pub const RETURNS: [&str; 8] = [
    "SEARCH RETURN () SUBJECT number",
    "SEARCH RETURN (ALL) FROM example.org",
    "UID SEARCH RETURN (MIN MAX) SUBJECT number",
    "UID SEARCH RETURN (MIN COUNT ALL) 1:9 TEXT text",
    "SEARCH RETURN (MIN MAX ALL COUNT) KEYWORD nothing",
    "SEARCH RETURN (PARTIAL 2:5) SUBJECT number",
    "SORT RETURN (MIN MAX COUNT) (REVERSE SIZE) UTF-8 SUBJECT number",
    "UID SORT RETURN (ALL) (SIZE) UTF-8 SUBJECT number",
];

/// Messages in an order, as numbers, and where each is: below which other one, and in whose thread.
pub struct Ordered {
    pub numbers: Vec<usize>,
    places: BTreeMap<usize, (Option<usize>, usize)>,
}

impl Ordered {
    /// What a SORT or THREAD response shows.
    pub fn of(line: &str) -> Self {
        let mut found = Self { numbers: Vec::new(), places: BTreeMap::new() };
        let (mut open, mut last, mut first) = (Vec::new(), None, None);
        let mut digits = String::new();
        for c in line.chars().chain([' ']) {
            if c.is_ascii_digit() {
                digits.push(c);
                continue;
            }
            if let Ok(number) = std::mem::take(&mut digits).parse() {
                found.numbers.push(number);
                found.places.insert(number, (last, *first.get_or_insert(number)));
                last = Some(number).filter(|_| !open.is_empty());
            }
            match c {
                '(' => open.push(last),
                ')' => last = open.pop().flatten(),
                _ => {}
            }
            if open.is_empty() {
                (last, first) = (None, None);
            }
        }
        found
    }

    /// The messages that are elsewhere in the other one: in another place, or before or behind others.
    pub fn differences(&self, other: &Self) -> Vec<usize> {
        let is_same = |number: &&usize| self.places.get(number) == other.places.get(number);
        let mut different: Vec<usize> = self.numbers.iter().filter(|number| !is_same(number)).copied().collect();
        let positions: BTreeMap<usize, usize> = (0..).zip(&other.numbers).map(|(at, number)| (*number, at)).collect();
        let same: Vec<(usize, usize)> =
            self.numbers.iter().filter(is_same).filter_map(|number| Some((*number, *positions.get(number)?))).collect();
        different.extend(moved(&same));
        different
    }
}

/// What does not belong to the longest part that ascends.
fn moved(list: &[(usize, usize)]) -> Vec<usize> {
    // For each length the end of the part of that length that ends lowest, and for each element what is before it.
    let mut ends: Vec<usize> = Vec::new();
    let mut before = vec![None; list.len()];
    for (at, (_, position)) in list.iter().enumerate() {
        let length = ends.partition_point(|end| list[*end].1 < *position);
        before[at] = length.checked_sub(1).map(|length| ends[length]);
        ends.truncate(ends.len().max(length));
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut stays = vec![false; list.len()];
    let mut at = ends.last().copied();
    while let Some(here) = at {
        stays[here] = true;
        at = before[here];
    }
    list.iter().zip(stays).filter(|(_, stays)| !stays).map(|((number, _), _)| *number).collect()
}
