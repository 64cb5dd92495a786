use super::messages::Sample;

/// Where the gateway answers otherwise than Dovecot, and by what.
pub struct Known {
    /// What was asked.
    pub asked: &'static str,
    /// Of which messages.
    pub of: fn(&Sample) -> bool,
    /// What the gateway follows.
    pub why: &'static str,
}

impl Known {
    /// Whether it is about what was asked: a key of a SORT wherever it stands.
    pub fn is_about(&self, asked: &str) -> bool {
        let key = |sort: &'static str| sort.strip_prefix("SORT (").and_then(|key| key.strip_suffix(")"));
        let keys = asked.strip_prefix("SORT (").and_then(|keys| keys.strip_suffix(")"));
        let has = |key: &str| keys.is_some_and(|keys| keys.split(' ').any(|other| other == key));
        self.asked == asked || key(self.asked).is_some_and(has)
    }
}

pub const KNOWN: &[Known] = &[
    Known {
        asked: "ENVELOPE",
        of: |sample| is(sample, &["duplicate fields", "odd dates", "Latin 1 header"]),
        why: "RFC 5322 3.6: fields of the envelope occur once. Of several the first one counts; for Dovecot the last one, and \
              addresses of all",
    },
    Known {
        asked: "BODYSTRUCTURE",
        of: |sample| {
            is(sample, &["delivery report", "invitation alone", "mime_parse/alternative", "imap_message/nested"])
        },
        why: "RFC 2045 5.2, RFC 6657 3: us-ascii is the default where there is no Content-Type, and no default of all text. \
              Parameters are those that are there (RFC 3501 7.4.2); Dovecot adds us-ascii to all text",
    },
    Known {
        asked: "BODYSTRUCTURE",
        of: |sample| is(sample, &["encoded message/rfc822", "imap_message/nested"]),
        why: "RFC 2046 5.1.1: the line end before a boundary belongs to the boundary. Dovecot counts it as the message's if that \
              has no body",
    },
    Known {
        asked: "BODYSTRUCTURE",
        of: |sample| is(sample, &["multipart never closed", "wrong encodings"]),
        why: "RFC 2045 5.2: with a Content-Type that is none, a part is plain text. Dovecot shows empty types",
    },
    Known {
        asked: "BODYSTRUCTURE",
        of: |sample| is(sample, &["nested too deep"]),
        why: "RFC 3501 7.4.2 names no depth. The gateway's is bounded: what is deeper is a part of which nothing is known",
    },
    Known {
        asked: "SENTBEFORE 5-Jan-2026",
        of: |sample| !sample.has_date(),
        why: "RFC 3501 6.4.4: the Date field is earlier. What has none isn't; for Dovecot it is of 1970",
    },
    Known {
        asked: "BODY boundary",
        of: |sample| is(sample, &["messages three deep", "imap_message/nested"]),
        why: "RFC 3501 6.4.4: the body. The header of a message in it is a part of it; Dovecot passes over that",
    },
    Known {
        asked: "SUBJECT Grüße",
        of: |sample| is(sample, &["Latin 1 header"]),
        why: "RFC 5322 2.2 allows no such bytes: they are found as clients guess and show them, and it is the first of two",
    },
    Known {
        asked: "SORT (SUBJECT)",
        of: |sample| is(sample, &["Latin 1 header"]),
        why: "RFC 5322 3.6: the first of two Subject fields counts, and bytes that are none of UTF-8 are what clients show of them",
    },
];

fn is(sample: &Sample, kinds: &[&str]) -> bool {
    kinds.contains(&sample.kind.as_str())
}
