use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;

/// What the three parties do, one after the other.
#[derive(Debug, Clone)]
pub struct Program {
    /// Messages in the folder at the start.
    pub start: usize,
    /// The gateway keeps on disk what lists of messages need (`ledger.envelopes`).
    pub envelopes: bool,
    pub steps: Vec<Step>,
}

/// One thing done, and who looks at the folder afterwards.
#[derive(Debug, Clone)]
pub struct Step {
    pub act: Act,
    pub look: Look,
}

/// Which sessions ask for news after a step; one that does not goes on with its old view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    Both,
    Only(Who),
}

/// The IMAP sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    A,
    B,
}

impl Who {
    pub fn index(self) -> usize {
        match self {
            Self::A => 0,
            Self::B => 1,
        }
    }
}

/// Something done.
#[derive(Debug, Clone)]
pub enum Act {
    Imap(Who, Command),
    Outlook(Deed),
    /// The gateway is stopped and started; both sessions log in again, and the second goes on with what it knew. Meanwhile something
    /// becomes of what the gateway kept on disk beside its ledger, if it does.
    Restart(Mishap, Resync),
}

/// How a session that reconnects says what it knows: which messages, and the numbers of some (RFC 7162 3.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resync {
    pub uids: bool,
    pub matches: bool,
}

/// What becomes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    None,
    Lost,
    /// A bit flips in each so many bytes.
    Damaged(usize),
}

/// What an IMAP session does. Messages are picked from what the session knows.
#[derive(Debug, Clone)]
pub enum Command {
    Store {
        picks: Picks,
        mode: Mode,
        flags: Flags,
        silent: bool,
    },
    Append {
        flags: Flags,
    },
    Copy {
        picks: Picks,
        target: Target,
    },
    Move {
        picks: Picks,
        target: Target,
    },
    Expunge,
    UidExpunge {
        picks: Picks,
    },
    FetchBody {
        picks: Picks,
        peek: bool,
    },
    Search {
        flag: usize,
    },
    Close,
    Select,
    Idle,
    /// Connects anew, and goes on with what was known. A moment before it changes flags by number, when it is not told what is gone.
    Resync {
        resync: Resync,
        store: Option<(Vec<Index>, Mode, Flags)>,
    },
}

/// What somebody does in Outlook: to every message of a marker, the one of a picked message.
#[derive(Debug, Clone)]
pub enum Deed {
    Deliver,
    Read { pick: Index, read: bool },
    Flag { pick: Index, on: bool },
    Categorise { pick: Index, keywords: Flags },
    Edit { pick: Index },
    Delete { pick: Index },
    MoveAway { pick: Index },
    CopyBack { pick: Index },
}

/// Picked messages, and whether they are called by UID or by number.
#[derive(Debug, Clone)]
pub struct Picks {
    pub picks: Vec<Index>,
    pub uid: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Add,
    Remove,
    Replace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Here,
    There,
}

/// Bits that stand for [`NAMES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(pub u8);

/// The flags and keywords of programs.
pub const NAMES: [&str; 6] = ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "work", "later"];
/// The flags that are keywords.
pub const KEYWORDS: std::ops::Range<usize> = 4..6;

impl Flags {
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.into_iter().enumerate().filter(move |(bit, _)| self.0 & (1 << bit) != 0).map(|(_, name)| name)
    }
}

/// All programs.
pub fn programs() -> impl Strategy<Value = Program> {
    (0..6usize, any::<bool>(), vec(steps(), 1..24)).prop_map(|(start, envelopes, steps)| Program {
        start,
        envelopes,
        steps,
    })
}

fn steps() -> impl Strategy<Value = Step> {
    let acts = prop_oneof![
        12 => (who(), commands()).prop_map(|(who, command)| Act::Imap(who, command)),
        7 => deeds().prop_map(Act::Outlook),
        1 => (mishaps(), resyncs()).prop_map(|(mishap, resync)| Act::Restart(mishap, resync)),
    ];
    let looks = prop_oneof![1 => Just(Look::Both), 1 => who().prop_map(Look::Only)];
    (acts, looks).prop_map(|(act, look)| Step { act, look })
}

fn mishaps() -> impl Strategy<Value = Mishap> {
    prop_oneof![3 => Just(Mishap::None), 1 => Just(Mishap::Lost), 1 => (20..400usize).prop_map(Mishap::Damaged)]
}

fn resyncs() -> impl Strategy<Value = Resync> {
    (any::<bool>(), any::<bool>()).prop_map(|(uids, matches)| Resync { uids, matches })
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![Just(Who::A), Just(Who::B)]
}

fn commands() -> impl Strategy<Value = Command> {
    prop_oneof![
        6 => (picks(), modes(), flags(), any::<bool>())
            .prop_map(|(picks, mode, flags, silent)| Command::Store { picks, mode, flags, silent }),
        3 => flags().prop_map(|flags| Command::Append { flags }),
        2 => (picks(), targets()).prop_map(|(picks, target)| Command::Copy { picks, target }),
        2 => (picks(), targets()).prop_map(|(picks, target)| Command::Move { picks, target }),
        2 => Just(Command::Expunge),
        1 => picks().prop_map(|picks| Command::UidExpunge { picks }),
        2 => (picks(), any::<bool>()).prop_map(|(picks, peek)| Command::FetchBody { picks, peek }),
        1 => (0..NAMES.len()).prop_map(|flag| Command::Search { flag }),
        1 => Just(Command::Close),
        1 => Just(Command::Select),
        1 => Just(Command::Idle),
        3 => (resyncs(), option::of((vec(any::<Index>(), 1..4), modes(), flags())))
            .prop_map(|(resync, store)| Command::Resync { resync, store }),
    ]
}

fn deeds() -> impl Strategy<Value = Deed> {
    let pick = any::<Index>;
    prop_oneof![
        3 => Just(Deed::Deliver),
        2 => (pick(), any::<bool>()).prop_map(|(pick, read)| Deed::Read { pick, read }),
        2 => (pick(), any::<bool>()).prop_map(|(pick, on)| Deed::Flag { pick, on }),
        1 => (pick(), flags()).prop_map(|(pick, keywords)| Deed::Categorise { pick, keywords }),
        2 => pick().prop_map(|pick| Deed::Edit { pick }),
        2 => pick().prop_map(|pick| Deed::Delete { pick }),
        2 => pick().prop_map(|pick| Deed::MoveAway { pick }),
        1 => pick().prop_map(|pick| Deed::CopyBack { pick }),
    ]
}

fn picks() -> impl Strategy<Value = Picks> {
    (vec(any::<Index>(), 1..4), any::<bool>()).prop_map(|(picks, uid)| Picks { picks, uid })
}

fn modes() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Add), Just(Mode::Remove), Just(Mode::Replace)]
}

fn targets() -> impl Strategy<Value = Target> {
    prop_oneof![1 => Just(Target::Here), 2 => Just(Target::There)]
}

fn flags() -> impl Strategy<Value = Flags> {
    (0u8..1 << NAMES.len()).prop_map(Flags)
}
