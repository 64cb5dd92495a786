use std::time::Duration;

/// How long the gateway took for what it did for one user, as its log tells.
pub struct Inside {
    log: String,
    user: String,
}

impl Inside {
    /// What has to be logged, as `log.filter` has it.
    pub const FILTER: &str = "warn,gateway::service=info,imap_front::served=trace,smtp_front::served=trace";

    pub fn of(user: &str, log: String) -> Self {
        Self { log, user: user.to_owned() }
    }

    /// Times of a command, from its last byte to its answer.
    pub fn commands(&self, name: &str) -> Vec<Duration> {
        self.events("imap_front::served")
            .filter(|fields| fields["command"] == name)
            .map(|fields| time(&fields))
            .collect()
    }

    /// Times of submissions, from the last byte to the reply.
    pub fn submissions(&self) -> Vec<Duration> {
        self.events("smtp_front::served").map(|fields| time(&fields)).collect()
    }

    fn events<'a>(&'a self, target: &'a str) -> impl Iterator<Item = serde_json::Value> + 'a {
        let lines = self.log.lines().filter(move |line| line.contains(target) && line.contains(&self.user));
        lines.filter_map(move |line| {
            let mut record: serde_json::Value = serde_json::from_str(line).ok()?;
            let fields = record["fields"].take();
            (record["target"] == target && fields["user"] == self.user.as_str()).then_some(fields)
        })
    }
}

fn time(fields: &serde_json::Value) -> Duration {
    Duration::from_micros(fields["micros"].as_u64().expect("a time"))
}
