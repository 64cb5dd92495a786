//! The mailboxes as another client sees them, by a connection of its own.

use std::net::SocketAddr;

use libtest_mimic::Failed;
use tests::imap_client::{Answer, ImapClient, first_literal};
use tests::stack::PASSWORD;

/// A connection of a user.
pub struct Server(ImapClient);

impl Server {
    /// Logs in.
    pub async fn login(imap: SocketAddr, user: &str) -> Result<Self, Failed> {
        let mut server = Self(ImapClient::connect_tls(imap).await);
        server.command(&format!("LOGIN {user} {PASSWORD}")).await?;
        Ok(server)
    }

    /// What a command is answered; an error if that isn't OK.
    pub async fn command(&mut self, command: &str) -> Result<Answer, Failed> {
        let answer = self.0.try_command(command).await?;
        if answer.status.starts_with("OK") { Ok(answer) } else { Err(format!("{command}: {}", answer.status).into()) }
    }

    /// The names of all folders, and their attributes.
    pub async fn folders(&mut self) -> Result<Vec<(String, Vec<String>)>, Failed> {
        let lines = self.command("LIST \"\" *").await?.lines();
        let read = |line: &String| {
            let (attributes, name) = line.strip_prefix("* LIST (")?.split_once(") \"/\" ")?;
            let attributes = attributes.split(' ').map(str::to_owned).collect();
            Some((name.trim_matches('"').to_owned(), attributes))
        };
        lines.iter().map(|line| read(line).ok_or_else(|| format!("no LIST response: {line}").into())).collect()
    }

    /// The UIDs of a folder's messages that SEARCH finds.
    pub async fn search(&mut self, folder: &str, keys: &str) -> Result<Vec<u32>, Failed> {
        let answer = self.within("EXAMINE", folder, &format!("UID SEARCH {keys}")).await?;
        let line = answer.line("* SEARCH").ok_or("a SEARCH response")?;
        line.split(' ').skip(2).map(|uid| uid.parse().map_err(Failed::from)).collect()
    }

    /// The flags of a message, as FETCH says them; `None` if it is gone.
    pub async fn flags(&mut self, folder: &str, uid: u32) -> Result<Option<String>, Failed> {
        let answer = self.within("EXAMINE", folder, &format!("UID FETCH {uid} (UID FLAGS)")).await?;
        Ok(answer.line("FLAGS (").and_then(|line| Some(line.split_once("FLAGS (")?.1.split_once(')')?.0.to_owned())))
    }

    /// Changes the flags of a message.
    pub async fn store(&mut self, folder: &str, uid: u32, change: &str) -> Result<(), Failed> {
        self.within("SELECT", folder, &format!("UID STORE {uid} {change}")).await.map(drop)
    }

    /// Deletes a message for good.
    pub async fn expunge(&mut self, folder: &str, uid: u32) -> Result<(), Failed> {
        self.store(folder, uid, "+FLAGS (\\Deleted)").await?;
        self.within("SELECT", folder, &format!("UID EXPUNGE {uid}")).await.map(drop)
    }

    /// The bytes of a message.
    pub async fn message(&mut self, folder: &str, uid: u32) -> Result<Vec<u8>, Failed> {
        let answer = self.within("EXAMINE", folder, &format!("UID FETCH {uid} BODY.PEEK[]")).await?;
        let bytes = answer.untagged.iter().find_map(|response| first_literal(response));
        Ok(bytes.ok_or_else(|| format!("no message {uid} in {folder}"))?.to_vec())
    }

    /// Does something in a folder, which is not left selected: the gateway ends sessions whose folder goes.
    async fn within(&mut self, select: &str, folder: &str, command: &str) -> Result<Answer, Failed> {
        self.command(&format!("{select} \"{folder}\"")).await?;
        let answer = self.command(command).await;
        self.command("UNSELECT").await?;
        answer
    }
}
