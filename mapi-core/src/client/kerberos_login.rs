use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use futures::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::dns::Resolver;
use crate::auth::TicketSource;
use crate::auth::kerberos::{
    CredentialCache, InitialExchange, KerberosError, Key, Keytab, MAX_MESSAGE, Principal, Progress, Secret,
    ServiceExchange, Ticket,
};

/// KDC's port.
const PORT: u16 = 88;
/// KDCs that are tried.
const MAX_KDCS: usize = 8;
/// Hosts whose tickets are kept.
const MAX_SERVICES: usize = 16;
/// Largest file with tickets or keys, in bytes.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// Where the KDCs of a realm are.
#[derive(Debug, Clone)]
pub struct Kdcs {
    /// The realm.
    pub realm: String,
    /// `host` or `host:port`, the preferred one first. Empty: DNS says (`_kerberos._tcp.realm`).
    pub servers: Vec<String>,
    /// For that.
    pub resolver: Resolver,
    /// Until a KDC must have answered.
    pub patience: Duration,
}

/// Where a user's first ticket comes from.
#[derive(Debug, Clone)]
pub enum KerberosSecret {
    /// From the KDC, by this.
    Secret(Secret),
    /// From the KDC, by the keys in a keytab file, which is read when they are needed.
    Keytab(PathBuf),
    /// From a credential cache file, which somebody else keeps fresh.
    CredentialCache(PathBuf),
}

/// A user's tickets: asked for when needed, over TCP, and kept in memory until they end.
pub struct KerberosLogin {
    kdcs: Arc<Kdcs>,
    client: Principal,
    secret: KerberosSecret,
    /// Held while KDCs are asked: what one connection waits for, another one needs, too, and a secret that is refused is
    /// shown once.
    asking: tokio::sync::Mutex<()>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    granting: Option<Ticket>,
    services: Vec<(String, Arc<Ticket>)>,
    /// The secret was refused. It will not become better.
    refused: Option<KerberosError>,
}

impl KerberosLogin {
    /// The tickets of `client`. Nothing is asked yet.
    pub fn new(kdcs: Arc<Kdcs>, client: Principal, secret: KerberosSecret) -> Self {
        Self { kdcs, client, secret, asking: tokio::sync::Mutex::default(), known: Mutex::default() }
    }

    /// Never held across an await.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fresh(&self, host: &str) -> Result<Option<Arc<Ticket>>, KerberosError> {
        let known = self.known();
        if let Some(error) = &known.refused {
            return Err(error.clone());
        }
        let found = known.services.iter().find(|(of, ticket)| of == host && ticket.is_fresh(SystemTime::now()));
        Ok(found.map(|(_, ticket)| Arc::clone(ticket)))
    }

    async fn fetch(&self, host: &str) -> Result<Arc<Ticket>, KerberosError> {
        let _asking = self.asking.lock().await;
        // Somebody else may have fetched it meanwhile.
        if let Some(ticket) = self.fresh(host)? {
            return Ok(ticket);
        }
        let granting = self.granting().await.inspect_err(|error| {
            if matches!(error, KerberosError::Refused(_)) {
                self.known().refused = Some(error.clone());
            }
        })?;
        let service = Principal::http(host, &granting.service.realm);
        let exchange = ServiceExchange::new(granting, service, rand::random());
        let answer = self.kdcs.ask(&exchange.request(SystemTime::now(), rand::random())).await?;
        let ticket = exchange.answer(&answer, SystemTime::now());
        if ticket.is_err() {
            // The KDC may have forgotten it, say by a restart with new keys.
            self.known().granting = None;
        }
        let ticket = Arc::new(ticket?);
        tracing::debug!(service = %ticket.service, client = %ticket.client, "Kerberos ticket");
        let mut known = self.known();
        known.services.retain(|(of, _)| of != host);
        if known.services.len() == MAX_SERVICES {
            known.services.remove(0);
        }
        known.services.push((host.to_owned(), Arc::clone(&ticket)));
        Ok(ticket)
    }

    async fn granting(&self) -> Result<Ticket, KerberosError> {
        let known = self.known().granting.clone();
        if let Some(ticket) = known.filter(|ticket| ticket.is_fresh(SystemTime::now())) {
            return Ok(ticket);
        }
        let ticket = match &self.secret {
            KerberosSecret::CredentialCache(path) => self.cached(path).await?,
            KerberosSecret::Secret(secret) => self.initial(secret.clone()).await?,
            KerberosSecret::Keytab(path) => self.initial(Secret::Keys(self.keys(path).await?)).await?,
        };
        self.known().granting = Some(ticket.clone());
        Ok(ticket)
    }

    async fn initial(&self, secret: Secret) -> Result<Ticket, KerberosError> {
        let mut exchange = InitialExchange::new(self.client.clone(), secret, rand::random());
        let mut message = exchange.request(SystemTime::now());
        loop {
            let answer = self.kdcs.ask(&message).await?;
            // Asks at most once more.
            match exchange.answer(&answer, SystemTime::now(), rand::random())? {
                Progress::Ask(next) => message = next,
                Progress::Ticket(ticket) => return Ok(*ticket),
            }
        }
    }

    async fn keys(&self, path: &Path) -> Result<Vec<Key>, KerberosError> {
        let unusable = |why: String| KerberosError::Unusable(format!("{}: {why}", path.display()));
        let keytab = Keytab::decode(&read(path).await?).map_err(|error| unusable(error.to_string()))?;
        let keys = keytab.keys(&self.client);
        if keys.is_empty() { Err(unusable(format!("no AES key of {} in it", self.client))) } else { Ok(keys) }
    }

    async fn cached(&self, path: &Path) -> Result<Ticket, KerberosError> {
        let unusable = |why: String| KerberosError::Unusable(format!("{}: {why}", path.display()));
        let cache = CredentialCache::decode(&read(path).await?).map_err(|error| unusable(error.to_string()))?;
        if !cache.owner.same_name(&self.client) {
            return Err(unusable(format!("the tickets are of {}, not of {}", cache.owner, self.client)));
        }
        let ticket = cache.granting().filter(|ticket| ticket.is_fresh(SystemTime::now()));
        ticket
            .cloned()
            .ok_or_else(|| unusable(format!("no krbtgt/{0}@{0} in it that is still valid", cache.owner.realm)))
    }
}

impl TicketSource for KerberosLogin {
    fn ticket<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Arc<Ticket>, KerberosError>> {
        Box::pin(async move {
            match self.fresh(host)? {
                Some(ticket) => Ok(ticket),
                None => self.fetch(host).await,
            }
        })
    }

    fn forget(&self, host: &str) {
        self.known().services.retain(|(of, _)| of != host);
    }
}

impl Kdcs {
    /// Asks one KDC after the other until one answers, for as long as two may take.
    ///
    /// # Errors
    /// [`KerberosError::Unreachable`].
    pub async fn ask(&self, message: &[u8]) -> Result<Vec<u8>, KerberosError> {
        let mut failures = Vec::new();
        let began = Instant::now();
        for (host, port) in self.servers().await? {
            if began.elapsed() >= self.patience * 2 {
                break;
            }
            match timeout(self.patience, exchange(&host, port, message)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(why)) => failures.push(format!("{host}:{port}: {why}")),
                Err(_) => failures.push(format!("{host}:{port}: no answer within {:?}", self.patience)),
            }
        }
        Err(KerberosError::Unreachable(failures.join("; ")))
    }

    async fn servers(&self) -> Result<Vec<(String, u16)>, KerberosError> {
        if !self.servers.is_empty() {
            return Ok(self.servers.iter().take(MAX_KDCS).map(|server| split_port(server)).collect());
        }
        let name = format!("_kerberos._tcp.{}", self.realm);
        let found = self.resolver.srv(&name).await.map_err(|error| KerberosError::Unreachable(error.to_string()))?;
        if found.is_empty() {
            return Err(KerberosError::Unreachable(format!("DNS knows no {name}: name the KDC in the configuration")));
        }
        Ok(found.into_iter().take(MAX_KDCS).map(|record| (record.host, record.port)).collect())
    }
}

/// The bytes of a file with secrets.
async fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, KerberosError> {
    let unusable = |error: std::io::Error| KerberosError::Unusable(format!("{}: {error}", path.display()));
    let file = tokio::fs::File::open(path).await.map_err(unusable)?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(MAX_FILE).read_to_end(&mut bytes).await.map_err(unusable)?;
    Ok(bytes)
}

/// One message there and one back, each behind its length (RFC 4120 7.2.2).
async fn exchange(host: &str, port: u16, message: &[u8]) -> Result<Vec<u8>, String> {
    let talk = async {
        let mut stream = TcpStream::connect((host, port)).await?;
        let length = u32::try_from(message.len()).map_err(std::io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes()[..], message].concat()).await?;
        let length = usize::try_from(stream.read_u32().await?).unwrap_or(usize::MAX);
        if length > MAX_MESSAGE {
            return Err(std::io::Error::other(format!("an answer of {length} bytes")));
        }
        let mut answer = Vec::new();
        // What was announced is not believed before it is there.
        (&mut stream).take(length as u64).read_to_end(&mut answer).await?;
        if answer.len() < length {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(answer)
    };
    talk.await.map_err(|error: std::io::Error| error.to_string())
}

/// Host and port of `host`, `host:port`, `[address]:port` or an address.
fn split_port(server: &str) -> (String, u16) {
    let plain = |host: &str| host.trim_start_matches('[').trim_end_matches(']').to_owned();
    match server.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => match port.parse() {
            Ok(port) => (plain(host), port),
            Err(_) => (plain(server), PORT),
        },
        _ => (plain(server), PORT),
    }
}

impl fmt::Debug for KerberosLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KerberosLogin").field("client", &self.client).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_servers() {
        for (server, expected) in [
            ("dc1.example.test", ("dc1.example.test", 88)),
            ("dc1.example.test:8888", ("dc1.example.test", 8888)),
            ("192.0.2.1:1", ("192.0.2.1", 1)),
            ("[2001:db8::1]:99", ("2001:db8::1", 99)),
            ("[2001:db8::1]", ("2001:db8::1", 88)),
            ("2001:db8::1", ("2001:db8::1", 88)),
        ] {
            let (host, port) = split_port(server);
            assert_eq!((host.as_str(), port), expected, "{server}");
        }
    }
}
