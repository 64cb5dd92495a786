use std::fmt;

use super::{Expected, Level};

/// What came of comparing one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As expected.
    Ok,
    /// Different in a way that the gateway copes with; the reason.
    Allowed(&'static str),
    /// Different in a way that the gateway does not cope with, missing, or seen without being expected.
    Different,
    /// The scenario could not run; why.
    Skipped(&'static str),
}

/// One field of one scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The scenario.
    pub scenario: &'static str,
    /// The field.
    pub field: String,
    /// What was expected; empty if nothing was.
    pub expected: &'static str,
    /// What was seen; empty if nothing was.
    pub seen: String,
    /// What follows.
    pub verdict: Verdict,
}

/// The comparison of a run. Displayed, it is a table: the differences, or with `{:#}` every field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// In the order of the scenarios and of their expectations.
    pub lines: Vec<Line>,
}

impl Report {
    /// Whether the gateway copes with everything that was seen.
    pub fn passed(&self) -> bool {
        self.lines.iter().all(|line| line.verdict != Verdict::Different)
    }

    /// How many lines have this kind of verdict: as expected, allowed differences, differences, skipped scenarios.
    pub fn counts(&self) -> [usize; 4] {
        let mut counts = [0; 4];
        for line in &self.lines {
            counts[match line.verdict {
                Verdict::Ok => 0,
                Verdict::Allowed(_) => 1,
                Verdict::Different => 2,
                Verdict::Skipped(_) => 3,
            }] += 1;
        }
        counts
    }
}

/// Compares what a scenario saw with what is expected, field by field.
pub fn compare(scenario: &'static str, expected: &[Expected], seen: &[(String, String)]) -> Vec<Line> {
    let mut lines: Vec<Line> = expected
        .iter()
        .map(|expected| {
            let value = seen.iter().find(|(field, _)| field == expected.field).map(|(_, value)| value.as_str());
            let verdict = match (value, expected.level) {
                (Some(value), _) if value == expected.value => Verdict::Ok,
                (Some(value), Level::May { others, reason }) if others.iter().any(|o| *o == value || *o == "*") => {
                    Verdict::Allowed(reason)
                }
                _ => Verdict::Different,
            };
            Line {
                scenario,
                field: expected.field.to_owned(),
                expected: expected.value,
                seen: value.unwrap_or_default().to_owned(),
                verdict,
            }
        })
        .collect();
    let unexpected = seen.iter().filter(|(field, _)| !expected.iter().any(|expected| expected.field == field));
    lines.extend(unexpected.map(|(field, value)| Line {
        scenario,
        field: field.clone(),
        expected: "",
        seen: value.clone(),
        verdict: Verdict::Different,
    }));
    lines
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = f.alternate();
        let lines = self.lines.iter().filter(|line| all || line.verdict != Verdict::Ok);
        for line in lines {
            let verdict = match line.verdict {
                Verdict::Ok => "ok".to_owned(),
                Verdict::Allowed(reason) => format!("allowed difference: {reason}"),
                Verdict::Different => "DIFFERENT".to_owned(),
                Verdict::Skipped(why) => format!("skipped: {why}"),
            };
            let Line { scenario, field, expected, seen, .. } = line;
            writeln!(f, "| {scenario} | {field} | {expected} | {seen} | {verdict} |")?;
        }
        let [ok, allowed, different, skipped] = self.counts();
        write!(f, "{ok} as expected, {allowed} allowed differences, {different} DIFFERENT, {skipped} scenarios skipped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPECTED: [Expected; 2] =
        [Expected::must("colour", "red"), Expected::may("size", "1", &["2"], "either is measured")];

    fn verdicts(seen: &[(&str, &str)]) -> Vec<Verdict> {
        let seen: Vec<_> = seen.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect();
        compare("test", &EXPECTED, &seen).into_iter().map(|line| line.verdict).collect()
    }

    #[test]
    fn fields_are_compared_one_by_one() {
        assert_eq!(verdicts(&[("size", "1"), ("colour", "red")]), [Verdict::Ok, Verdict::Ok]);
        let allowed = Verdict::Allowed("either is measured");
        assert_eq!(verdicts(&[("colour", "red"), ("size", "2")]), [Verdict::Ok, allowed]);
        assert_eq!(verdicts(&[("colour", "blue"), ("size", "3")]), [Verdict::Different, Verdict::Different]);
    }

    #[test]
    fn what_is_missing_or_unexpected_differs() {
        assert_eq!(verdicts(&[("size", "1")]), [Verdict::Different, Verdict::Ok]);
        let seen = [("colour", "red"), ("size", "1"), ("stopped", "connection lost")];
        assert_eq!(verdicts(&seen), [Verdict::Ok, Verdict::Ok, Verdict::Different]);
    }
}
