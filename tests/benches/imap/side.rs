use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tests::processor::used_for;

use crate::client::{Answer, Client, append};
use crate::mail::{Mail, with_file};
use crate::row::{Told, Work};
use crate::stage::OTHER;

/// One of the servers, and a client that looks at its inbox.
pub struct Side<'a> {
    pub name: &'static str,
    imap: SocketAddr,
    processes: Box<dyn Fn() -> Vec<u32> + 'a>,
    inbox: Client,
    messages: usize,
}

/// What something took.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    /// By the clock.
    pub wall: Duration,
    /// By the server's processors.
    pub processor: Duration,
}

impl<'a> Side<'a> {
    pub async fn open(
        name: &'static str,
        imap: SocketAddr,
        processes: impl Fn() -> Vec<u32> + 'a,
        messages: usize,
    ) -> Result<Self, String> {
        let inbox = Client::select(imap, "INBOX").await?;
        Ok(Self { name, imap, processes: Box::new(processes), inbox, messages })
    }

    /// Does it; what must be equal of the answers of both servers, and what it took.
    ///
    /// # Errors
    /// The server said something else than OK, or answered for less than all messages.
    pub async fn run(&mut self, work: Work) -> Result<(Answer, Taken), String> {
        match work {
            Work::Fetch(items) => {
                let (answer, taken) = self.command(&fetch(items)).await?;
                self.expect(&answer, self.messages)?;
                // The other ones have literals where servers like them.
                let octets = if items.starts_with("BODY.PEEK[") { answer.octets } else { 0 };
                Ok((Answer { octets, ..answer }, taken))
            }
            Work::Search(keys) => self.command(&format!("SEARCH {keys}")).await,
            Work::Order(command) => self.command(command).await,
            Work::Changed(count) => {
                let (_, modseq) = self.inbox.command("SELECT INBOX (CONDSTORE)").await?.state;
                let taken = self.one_by_one(&vec![format!("FETCH 1:* FLAGS (CHANGEDSINCE {modseq})"); count]).await?;
                Ok((Answer::default(), taken))
            }
            Work::Resync(count) => {
                // What is enabled stays so: the client of the other rows goes on without.
                let other = Client::select(self.imap, "INBOX").await?;
                let usual = std::mem::replace(&mut self.inbox, other);
                self.inbox.command("ENABLE QRESYNC").await?;
                let (validity, modseq) = self.inbox.command("SELECT INBOX").await?.state;
                let select = format!("SELECT INBOX (QRESYNC ({validity} {modseq}))");
                let taken = self.one_by_one(&vec![select; count]).await?;
                self.inbox = usual;
                Ok((Answer::default(), taken))
            }
            Work::Store(flags, told) => {
                let (answer, taken) = self.command(&format!("STORE 1:* {flags}")).await?;
                self.expect(&answer, if told == Told::Each { self.messages } else { 0 })?;
                Ok((answer, taken))
            }
            Work::StoreEach(count) => {
                let apart = self.messages / count;
                let commands = (0..count).map(|n| format!("STORE {} +FLAGS (\\Flagged)", n * apart + 1));
                let commands: Vec<String> = commands.collect();
                let taken = self.one_by_one(&commands).await?;
                self.inbox.command("STORE 1:* -FLAGS.SILENT (\\Flagged)").await?;
                Ok((Answer::default(), taken))
            }
            Work::Copy(count) => self.command(&format!("COPY 1:{count} {OTHER}")).await,
            Work::Expunge => Ok((Answer::default(), self.empty_other().await?)),
            Work::Append { count, at_a_time } => {
                let mails: Vec<Mail> = (0..count).map(Mail::number).collect();
                let commands = mails
                    .chunks(at_a_time)
                    .map(|mails| mails.iter().flat_map(|mail| append(OTHER, &mail.arguments(), &mail.bytes)).collect());
                let taken = self.pipelines(&commands.collect::<Vec<_>>(), at_a_time).await?;
                Ok((Answer::default(), taken))
            }
            Work::AppendFile(bytes) => {
                let command = append(OTHER, "()", &with_file(bytes));
                Ok((Answer::default(), self.pipelines(&[command], 1).await?))
            }
            Work::Crowd(count, items) => {
                let mut clients = Vec::with_capacity(count);
                for _ in 0..count {
                    clients.push(Client::select(self.imap, "INBOX").await?);
                }
                let taken = self.crowd(clients, &fetch(items)).await?;
                Ok((Answer::default(), taken))
            }
        }
    }

    /// Takes everything out of the other folder; what that took without marking it.
    pub async fn empty_other(&self) -> Result<Taken, String> {
        let mut other = Client::select(self.imap, OTHER).await?;
        // Of UIDs, since without messages Dovecot has no sequence number.
        other.command("UID STORE 1:* +FLAGS.SILENT (\\Deleted)").await?;
        let began = Instant::now();
        let expunge = async { other.command("EXPUNGE").await.map(|_| began.elapsed()) };
        let (wall, processor) = used_for(&self.processes, expunge).await;
        Ok(Taken { wall: wall?, processor })
    }

    async fn command(&mut self, command: &str) -> Result<(Answer, Taken), String> {
        let began = Instant::now();
        let inbox = &mut self.inbox;
        let work = async { inbox.command(command).await.map(|answer| (answer, began.elapsed())) };
        let (done, processor) = used_for(&self.processes, work).await;
        let (answer, wall) = done?;
        Ok((answer, Taken { wall, processor }))
    }

    async fn one_by_one(&mut self, commands: &[String]) -> Result<Taken, String> {
        let commands: Vec<_> = commands.iter().map(|command| format!("a {command}\r\n").into_bytes()).collect();
        self.pipelines(&commands, 1).await
    }

    /// Sends what is each so many commands, one after the other.
    async fn pipelines(&mut self, commands: &[Vec<u8>], count: usize) -> Result<Taken, String> {
        let inbox = &mut self.inbox;
        let work = async {
            let began = Instant::now();
            for commands in commands {
                inbox.pipeline(commands, count).await?;
            }
            Ok::<_, String>(began.elapsed())
        };
        let (wall, processor) = used_for(&self.processes, work).await;
        Ok(Taken { wall: wall?, processor })
    }

    async fn crowd(&self, clients: Vec<Client>, command: &str) -> Result<Taken, String> {
        let work = async {
            let began = Instant::now();
            let mut all = tokio::task::JoinSet::new();
            for mut client in clients {
                let command = command.to_owned();
                // Its connection lives on: a process of Dovecot ends with it, and what it used could not be seen.
                all.spawn(async move { client.command(&command).await.map(|answer| (answer, client)) });
            }
            let answers = all.join_all().await.into_iter().collect::<Result<Vec<_>, _>>()?;
            Ok::<_, String>((began.elapsed(), answers))
        };
        let (done, processor) = used_for(&self.processes, work).await;
        let (wall, answers) = done?;
        answers.iter().try_for_each(|(answer, _)| self.expect(answer, self.messages))?;
        Ok(Taken { wall, processor })
    }

    fn expect(&self, answer: &Answer, count: usize) -> Result<(), String> {
        let told = answer.fetched;
        if told == count { Ok(()) } else { Err(format!("{} told of {told} messages, not {count}", self.name)) }
    }
}

fn fetch(items: &str) -> String {
    format!("FETCH 1:* {items}")
}
