/// What is left of a subject without what replies and mailing lists add to it (RFC 5256 2.1).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BaseSubject {
    pub text: String,
    /// Something was taken away that a reply or forwarded message has.
    pub is_reply: bool,
}

impl BaseSubject {
    /// That of a decoded subject. Every rule takes something away, and nothing is looked at again that was passed over.
    pub fn of(subject: &str) -> Self {
        let spaced = spaced(subject);
        let mut text = spaced.as_str();
        let mut is_reply = false;
        loop {
            text = without_trailers(text, &mut is_reply);
            text = without_leaders(text, &mut is_reply);
            let inner = without_prefix(text, "[fwd:").and_then(|inner| inner.strip_suffix(']'));
            let Some(inner) = inner else { break };
            is_reply = true;
            text = inner;
        }
        Self { text: text.to_owned(), is_reply }
    }
}

/// Rule 1: white space is one space.
fn spaced(subject: &str) -> String {
    let mut out = String::with_capacity(subject.len());
    for c in subject.chars() {
        match c {
            ' ' | '\t' | '\r' | '\n' if out.ends_with(' ') => {}
            ' ' | '\t' | '\r' | '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Rule 2.
fn without_trailers<'a>(mut text: &'a str, is_reply: &mut bool) -> &'a str {
    loop {
        text = text.trim_end_matches(' ');
        let Some(at) =
            text.len().checked_sub(5).filter(|at| text.get(*at..).is_some_and(|end| end.eq_ignore_ascii_case("(fwd)")))
        else {
            return text;
        };
        *is_reply = true;
        text = text.get(..at).unwrap_or_default();
    }
}

/// Rules 3 to 5. Where no `Re:` follows a row of blobs, none does when the first of them is gone.
fn without_leaders<'a>(mut text: &'a str, is_reply: &mut bool) -> &'a str {
    loop {
        text = text.trim_start_matches(' ');
        let (mut after, mut last) = (text, text);
        while let Some(rest) = without_blob(after) {
            (last, after) = (after, rest);
        }
        if let Some(rest) = without_refwd(after) {
            *is_reply = true;
            text = rest;
            continue;
        }
        // A blob goes only if something stays.
        return if after.is_empty() { last } else { after };
    }
}

/// `subj-blob`
fn without_blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(['[', ']'])?;
    Some(inner.get(end..)?.strip_prefix(']')?.trim_start_matches(' '))
}

/// `subj-refwd`
fn without_refwd(text: &str) -> Option<&str> {
    let rest = ["re", "fwd", "fw"].iter().find_map(|word| without_prefix(text, word))?.trim_start_matches(' ');
    without_blob(rest).unwrap_or(rest).strip_prefix(':')
}

fn without_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (first, rest) = text.split_at_checked(prefix.len())?;
    first.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        for (subject, text, is_reply) in [
            ("", "", false),
            (" hello\t\n world ", "hello world", false),
            ("Re: hello", "hello", true),
            ("RE : fw:FWD:  hello", "hello", true),
            ("re[2]: hello", "hello", true),
            ("Re [x] : hello", "hello", true),
            ("[list] Re: [other] hello", "hello", true),
            ("[list] hello", "hello", false),
            ("[a][b] [c]", "[c]", false),
            ("[a] [b]", "[b]", false),
            ("[list]", "[list]", false),
            ("Re: [list]", "[list]", true),
            ("[a [b] hello", "[a [b] hello", false),
            ("hello (fwd) (FWD) ", "hello", true),
            ("(fwd)", "", true),
            ("[Fwd: Re: hello (fwd)]", "hello", true),
            ("[fwd: [fwd: x]]", "x", true),
            ("[fwd: hello] x", "x", false),
            ("Re:", "", true),
            ("Rex: hello", "Rex: hello", false),
            ("Reé: hello", "Reé: hello", false),
            ("re: re hello", "re hello", true),
            ("Aw: hello", "Aw: hello", false),
            ("é(fwd)", "é", true),
        ] {
            assert_eq!(BaseSubject::of(subject), BaseSubject { text: text.to_owned(), is_reply }, "{subject:?}");
        }
    }

    #[test]
    fn long_subjects_take_no_long_time() {
        for piece in ["[a]", "[", "re: ", "(fwd)", "[fwd:", " ", "re[", "[a]re[b]:"] {
            let long = piece.repeat(1 << 18);
            BaseSubject::of(&long);
            BaseSubject::of(&(long + "x"));
        }
    }
}
