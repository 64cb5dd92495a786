//! Folder names: a hierarchy of MAPI folders as IMAP names.
//!
//! Levels are separated by `/`. Characters that an IMAP name had better not hold — `/` itself, control characters, the
//! wildcards `%` and `*`, a leading `#` — are written as `=` and two hexadecimal digits of each of their UTF-8 bytes; an
//! `=` is written so only where it could be taken for such an escape. Every name has exactly one such form and every form
//! stands for one name. Folders whose names would still be the same get `=~` and the end of their id appended, all but
//! the oldest of them, so that a folder's name doesn't depend on folders that are made later.

use std::collections::{BTreeMap, BTreeSet};

use mail_core::{FolderEntry, FolderKey, SpecialUse};

/// Levels of folders below the root, as many as Exchange allows; what is deeper is left out.
pub const MAX_LEVELS: usize = 300;

/// A row of the hierarchy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FolderNode {
    /// The folder's GID.
    pub id: Vec<u8>,
    /// The GID of the folder it is in.
    pub parent: Vec<u8>,
    /// PidTagDisplayName.
    pub name: String,
    /// PidTagContainerClass; empty if it has none.
    pub container_class: String,
    /// PidTagAttributeHidden.
    pub hidden: bool,
    /// Whether it is subscribed, if the folder says so itself; mail folders are otherwise.
    pub subscribed: Option<bool>,
}

/// The folders that have a part to play, by GID.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpecialFolders {
    /// The root of the visible tree (the IPM subtree); not shown itself.
    pub root: Vec<u8>,
    /// Shown as `INBOX`.
    pub inbox: Option<Vec<u8>>,
    /// RFC 6154 uses.
    pub uses: Vec<(SpecialUse, Vec<u8>)>,
}

/// What to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FolderFilter {
    /// Also folders of calendars, contacts, tasks and the like.
    pub non_mail: bool,
}

/// Names the folders below the root: INBOX first, parents before children, siblings by name. Folders that are hidden, are
/// in hidden ones or are not reachable from the root are left out. Those that hold no mail are left out, too, unless
/// there are mail folders in them: then they can't be selected.
pub fn entries(nodes: &[FolderNode], special: &SpecialFolders, view: FolderFilter) -> Vec<FolderEntry> {
    let mut tree = Tree { children: BTreeMap::new(), special, view };
    // One row for each folder and none for the root: then nothing that is reachable is within itself.
    let mut unique: BTreeMap<&[u8], &FolderNode> = BTreeMap::new();
    for node in nodes.iter().filter(|node| !node.hidden && node.id != special.root) {
        unique.entry(&node.id).or_insert(node);
    }
    for node in unique.into_values() {
        tree.children.entry(&node.parent).or_default().push(node);
    }
    let mut out = Vec::new();
    tree.walk(&special.root, "", 0, &mut out);
    // Stable: everything else stays in its order.
    out.sort_by_key(|entry| entry.name != "INBOX");
    out
}

/// Whether folders of a PidTagContainerClass hold mail. Those without one do.
pub fn holds_mail(container_class: &str) -> bool {
    let class = container_class.to_ascii_uppercase();
    class.is_empty() || class == "IPF.NOTE" || class.starts_with("IPF.NOTE.") || class == "IPF.IMAP"
}

/// One level of an IMAP name as it is written for a folder called `name`.
pub fn encode_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (at, c) in name.char_indices() {
        let rest = &name.as_bytes()[at + c.len_utf8()..];
        let escape = match c {
            '/' | '%' | '*' | '\u{2028}' | '\u{2029}' => true,
            '#' => at == 0,
            '=' => {
                rest.first() == Some(&b'~')
                    || matches!(rest, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
            }
            c => c.is_control(),
        };
        if escape {
            c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| out.push_str(&format!("={byte:02X}")));
        } else {
            out.push(c);
        }
    }
    // A name can't hold NUL, so that this form is free for the empty one.
    if out.is_empty() { "=00".to_owned() } else { out }
}

/// The name that a level of an IMAP name stands for; the inverse of [`encode_name`].
pub fn decode_name(encoded: &str) -> String {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|digits| first == b'=' && digits.iter().all(u8::is_ascii_hexdigit));
        let byte = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    bytes.retain(|&byte| byte != 0);
    String::from_utf8_lossy(&bytes).into_owned()
}

struct Tree<'a> {
    children: BTreeMap<&'a [u8], Vec<&'a FolderNode>>,
    special: &'a SpecialFolders,
    view: FolderFilter,
}

impl Tree<'_> {
    /// Adds what is in `parent`; tells whether that was anything.
    fn walk(&self, parent: &[u8], prefix: &str, depth: usize, out: &mut Vec<FolderEntry>) -> bool {
        if depth >= MAX_LEVELS {
            return false;
        }
        let before = out.len();
        for (name, node) in self.named(parent, prefix) {
            let is_mail = self.is_mail(node);
            let at = out.len();
            out.push(FolderEntry {
                id: FolderKey(node.id.clone()),
                special_use: self
                    .special
                    .uses
                    .iter()
                    .find(|(_, id)| *id == node.id)
                    .map(|(special_use, _)| *special_use),
                selectable: is_mail || self.view.non_mail,
                subscribed: node.subscribed.unwrap_or(is_mail || self.view.non_mail),
                name: name.clone(),
            });
            let inhabited = self.walk(&node.id, &format!("{name}/"), depth + 1, out);
            if !is_mail && !self.view.non_mail && !inhabited {
                out.truncate(at);
            }
        }
        out.len() > before
    }

    /// The folders in `parent` with their full names, by name.
    fn named(&self, parent: &[u8], prefix: &str) -> Vec<(String, &FolderNode)> {
        // By id, so that the oldest come first.
        let nodes = self.children.get(parent).map_or(&[][..], |nodes| &nodes[..]);
        let mut taken = BTreeSet::new();
        let mut named: Vec<_> = nodes
            .iter()
            .map(|&node| {
                if self.special.inbox.as_ref() == Some(&node.id) {
                    return ("INBOX".to_owned(), node);
                }
                let mut level = encode_name(&node.name);
                let is_inbox_name = prefix.is_empty() && level.eq_ignore_ascii_case("INBOX");
                if is_inbox_name || !taken.insert(level.clone()) {
                    let tail = &node.id[node.id.len().saturating_sub(6)..];
                    level.push_str("=~");
                    tail.iter().for_each(|byte| level.push_str(&format!("{byte:02X}")));
                    // Two replicas may have used the same counter.
                    while !taken.insert(level.clone()) {
                        level.push('~');
                    }
                }
                (format!("{prefix}{level}"), node)
            })
            .collect();
        named.sort_by(|(a, _), (b, _)| a.cmp(b));
        named
    }

    fn is_mail(&self, node: &FolderNode) -> bool {
        let special =
            self.special.inbox.as_ref() == Some(&node.id) || self.special.uses.iter().any(|(_, id)| *id == node.id);
        special || holds_mail(&node.container_class)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn node(id: u8, parent: u8, name: &str, class: &str) -> FolderNode {
        let (id, parent) = (vec![id], vec![parent]);
        FolderNode { id, parent, name: name.into(), container_class: class.into(), hidden: false, subscribed: None }
    }

    fn special() -> SpecialFolders {
        SpecialFolders { root: vec![1], inbox: Some(vec![2]), uses: vec![(SpecialUse::Sent, vec![3])] }
    }

    fn names(nodes: &[FolderNode]) -> Vec<(String, bool)> {
        let entries = entries(nodes, &special(), FolderFilter::default());
        entries.into_iter().map(|entry| (entry.name, entry.selectable)).collect()
    }

    #[test]
    fn a_usual_mailbox() {
        let mut nodes = vec![
            node(1, 0, "Top", ""),
            node(2, 1, "Posteingang", "IPF.Note"),
            node(3, 1, "Gesendet", "IPF.Whatever"),
            node(4, 1, "Kalender", "IPF.Appointment"),
            node(5, 2, "a/b", ""),
            node(6, 1, "Kontakte", "IPF.Contact"),
            node(7, 6, "Post", "IPF.Note"),
            node(8, 1, "inbox", ""),
            node(9, 1, "Hidden", ""),
            node(10, 9, "Within", ""),
            node(11, 77, "Lost", ""),
            node(12, 13, "Loop", ""),
            node(13, 12, "Loop", ""),
        ];
        nodes[8].hidden = true;
        let expected = [
            ("INBOX", true),
            ("Gesendet", true),
            ("INBOX/a=2Fb", true),
            ("Kontakte", false),
            ("Kontakte/Post", true),
            ("inbox=~08", true),
        ];
        let found = names(&nodes);
        assert_eq!(found.iter().map(|(name, shown)| (&name[..], *shown)).collect::<Vec<_>>(), expected);
        nodes.reverse();
        assert_eq!(names(&nodes), found);
        let all = entries(&nodes, &special(), FolderFilter { non_mail: true });
        assert!(all.iter().any(|entry| entry.name == "Kalender" && entry.selectable));
        assert_eq!(
            all.iter().find(|entry| entry.name == "Gesendet").and_then(|entry| entry.special_use),
            Some(SpecialUse::Sent)
        );
    }

    #[test]
    fn equal_names_are_told_apart_by_id() {
        let nodes =
            [node(2, 1, "x", ""), node(20, 1, "same", ""), node(10, 1, "same", ""), node(30, 1, "same=~14", "")];
        let expected = ["INBOX", "same", "same=3D~14", "same=~14"];
        assert_eq!(names(&nodes).iter().map(|(name, _)| &name[..]).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn depth_is_bounded() {
        let id = |level: usize| if level == 0 { vec![1] } else { level.to_be_bytes().to_vec() };
        let below = |level| FolderNode { id: id(level), parent: id(level - 1), ..node(0, 0, "x", "") };
        let nodes: Vec<_> = (1..MAX_LEVELS + 5).map(below).collect();
        assert_eq!(names(&nodes).len(), MAX_LEVELS);
    }

    #[test]
    fn escapes() {
        for (name, encoded) in [
            ("a/b", "a=2Fb"),
            ("a=b", "a=b"),
            ("=2F", "=3D2F"),
            ("100%", "100=25"),
            ("#x#", "=23x#"),
            ("", "=00"),
            ("tab\t", "tab=09"),
            ("Zo\u{eb} & Co", "Zo\u{eb} & Co"),
        ] {
            assert_eq!(encode_name(name), encoded);
            assert_eq!(decode_name(encoded), name);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn names_are_reversible(name in "[/=%*#~a-f0-9]{0,8}|[^\\x00]{0,12}") {
            let encoded = encode_name(&name);
            prop_assert!(!encoded.contains(['/', '%', '*']) && !encoded.chars().any(char::is_control));
            prop_assert_eq!(decode_name(&encoded), name);
        }

        #[test]
        fn entries_are_unique(rows in proptest::collection::vec((1u8..30, 0u8..30, "[ab/=]{0,2}"), 0..30)) {
            let nodes: Vec<_> = rows.iter().map(|(id, parent, name)| node(*id, *parent, name, "")).collect();
            let found = names(&nodes);
            let unique: BTreeSet<_> = found.iter().map(|(name, _)| name).collect();
            prop_assert_eq!(unique.len(), found.len());
        }
    }
}
