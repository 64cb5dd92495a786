/// What is measured.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub name: &'static str,
    pub part: Part,
    pub work: Work,
    pub bound: Bound,
}

/// What can be asked for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Listings,
    Bodies,
    Searches,
    Orders,
    Resyncs,
    Writes,
    Connections,
}

impl Part {
    pub const ALL: [Self; 7] =
        [Self::Listings, Self::Bodies, Self::Searches, Self::Orders, Self::Resyncs, Self::Writes, Self::Connections];

    pub fn name(self) -> &'static str {
        match self {
            Self::Listings => "listings",
            Self::Bodies => "bodies",
            Self::Searches => "searches",
            Self::Orders => "orders",
            Self::Resyncs => "resyncs",
            Self::Writes => "writes",
            Self::Connections => "connections",
        }
    }
}

/// What a client does.
#[derive(Debug, Clone, Copy)]
pub enum Work {
    /// FETCH of all messages.
    Fetch(&'static str),
    Search(&'static str),
    /// SORT or THREAD with its arguments.
    Order(&'static str),
    /// FETCH of the flags that changed since so long ago that none did, so many times.
    Changed(usize),
    /// SELECT by a client that knows the folder, so many times (QRESYNC).
    Resync(usize),
    /// STORE for all messages, which answers for each or for none.
    Store(&'static str, Told),
    /// STORE for one message after the other.
    StoreEach(usize),
    /// So many messages into the other folder.
    Copy(usize),
    /// What is in the other folder goes.
    Expunge,
    /// So many messages into the other folder, so many commands sent at a time.
    Append {
        count: usize,
        at_a_time: usize,
    },
    /// A message with a file of so many bytes.
    AppendFile(usize),
    /// FETCH of all messages by several clients at once.
    Crowd(usize, &'static str),
}

/// Whether STORE answers with a response for each message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    Each,
    Nothing,
}

/// What the gateway may take, measured by what Dovecot takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// No more, neither of the processor's time nor of the clock's.
    Same,
    /// Four times as much with the default cache, and no more with one that holds all messages.
    Body,
    /// 1.2 times as much of the processor's time; by the clock that and what a bare client takes for the same requests to the
    /// upstream.
    Write,
    /// Is only told.
    None,
}

const fn row(part: Part, bound: Bound, name: &'static str, work: Work) -> Row {
    Row { name, part, work, bound }
}

/// In this order: what a row leaves behind in caches, the next ones find.
pub const ROWS: [Row; 34] = [
    row(Part::Listings, Bound::Same, "FETCH FLAGS", Work::Fetch("FLAGS")),
    row(Part::Listings, Bound::Same, "headers, first", Work::Fetch("BODY.PEEK[HEADER]")),
    row(Part::Listings, Bound::Same, "headers, again", Work::Fetch("BODY.PEEK[HEADER]")),
    row(Part::Listings, Bound::Same, "ENVELOPE", Work::Fetch("ENVELOPE")),
    row(Part::Listings, Bound::None, "ENVELOPE, again", Work::Fetch("ENVELOPE")),
    row(Part::Listings, Bound::Same, "BODYSTRUCTURE", Work::Fetch("BODYSTRUCTURE")),
    row(Part::Listings, Bound::None, "BODYSTRUCTURE, again", Work::Fetch("BODYSTRUCTURE")),
    row(Part::Connections, Bound::Same, "ENVELOPE, 8 connections", Work::Crowd(8, "ENVELOPE")),
    row(Part::Bodies, Bound::Body, "BODY[] of all", Work::Fetch("BODY.PEEK[]")),
    row(Part::Bodies, Bound::Body, "SEARCH TEXT", Work::Search("TEXT zanzibar")),
    row(Part::Bodies, Bound::Body, "SEARCH BODY", Work::Search("BODY zanzibar")),
    row(Part::Searches, Bound::Same, "SEARCH SUBJECT", Work::Search("SUBJECT invoice")),
    row(Part::Searches, Bound::Same, "SEARCH FROM", Work::Search("FROM person17@")),
    row(Part::Searches, Bound::Same, "SEARCH HEADER", Work::Search("HEADER List-Id announce")),
    row(Part::Searches, Bound::Same, "SEARCH SINCE", Work::Search("SINCE 1-Feb-2026")),
    row(Part::Searches, Bound::Same, "SEARCH UNSEEN", Work::Search("UNSEEN")),
    row(Part::Searches, Bound::Same, "SEARCH LARGER", Work::Search("LARGER 50000")),
    row(Part::Orders, Bound::Same, "SORT SUBJECT DATE, first", Work::Order("SORT (SUBJECT DATE) UTF-8 ALL")),
    row(Part::Orders, Bound::Same, "SORT SUBJECT DATE, again", Work::Order("SORT (SUBJECT DATE) UTF-8 ALL")),
    row(Part::Orders, Bound::Same, "SORT ARRIVAL", Work::Order("SORT (REVERSE ARRIVAL) UTF-8 ALL")),
    row(Part::Orders, Bound::Same, "THREAD, first", Work::Order("THREAD REFERENCES UTF-8 ALL")),
    row(Part::Orders, Bound::Same, "THREAD, again", Work::Order("THREAD REFERENCES UTF-8 ALL")),
    row(Part::Resyncs, Bound::Same, "CHANGEDSINCE, 100 times", Work::Changed(100)),
    row(Part::Resyncs, Bound::Same, "QRESYNC, 100 times", Work::Resync(100)),
    row(Part::Writes, Bound::Write, "STORE 1:*", Work::Store("+FLAGS (\\Flagged)", Told::Each)),
    row(Part::Writes, Bound::Same, "SEARCH SUBJECT after STORE", Work::Search("SUBJECT invoice")),
    row(Part::Writes, Bound::Same, "headers after STORE", Work::Fetch("BODY.PEEK[HEADER]")),
    row(Part::Writes, Bound::Write, "STORE 1:*, silent", Work::Store("-FLAGS.SILENT (\\Flagged)", Told::Nothing)),
    row(Part::Writes, Bound::Write, "STORE of one, 100 times", Work::StoreEach(100)),
    row(Part::Writes, Bound::Write, "COPY 1000", Work::Copy(1000)),
    row(Part::Writes, Bound::None, "EXPUNGE 1000", Work::Expunge),
    row(Part::Writes, Bound::Write, "APPEND 200 one by one", Work::Append { count: 200, at_a_time: 1 }),
    row(Part::Writes, Bound::Write, "APPEND 200 by 20", Work::Append { count: 200, at_a_time: 20 }),
    row(Part::Writes, Bound::Write, "APPEND 20 MiB", Work::AppendFile((20 << 20) / 78 * 57)),
];
