use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::message::{Answer, MessageError, SrvRecord, decode, query};

/// How long one server may take, and how often all of them are asked.
const PATIENCE: Duration = Duration::from_secs(2);
const ROUNDS: usize = 2;
/// Name servers that are asked, as the C library has it.
const MAX_SERVERS: usize = 3;
const MAX_CONFIGURATION: usize = 64 * 1024;
const MAX_DATAGRAM: usize = 4096;

/// Asks name servers for SRV records.
#[derive(Debug, Clone)]
pub struct Resolver {
    servers: Vec<SocketAddr>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsError(String);

impl Resolver {
    /// Asks these servers, in this order.
    pub fn new(servers: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self { servers: servers.into_iter().take(MAX_SERVERS).collect() }
    }

    /// Asks the servers of `/etc/resolv.conf`; without any, this machine's own.
    pub fn system() -> Self {
        let text = std::fs::read("/etc/resolv.conf").unwrap_or_default();
        let text = String::from_utf8_lossy(text.get(..MAX_CONFIGURATION).unwrap_or(&text));
        let servers = configured(&text);
        if servers.is_empty() { Self::new([SocketAddr::from((Ipv4Addr::LOCALHOST, 53))]) } else { Self::new(servers) }
    }

    /// The SRV records of `name`, the preferred ones first; none if there are none.
    ///
    /// # Errors
    /// No server can answer, or none does in time.
    pub async fn srv(&self, name: &str) -> Result<Vec<SrvRecord>, DnsError> {
        let mut failure = format!("{name}: no name server");
        for _ in 0..ROUNDS {
            for server in &self.servers {
                match timeout(PATIENCE, ask(*server, name)).await {
                    Ok(Ok(records)) => {
                        return Ok(records.into_iter().filter(|record| !record.host.is_empty()).collect());
                    }
                    Ok(Err(why)) => failure = format!("{name}: name server {server}: {why}"),
                    Err(_) => failure = format!("{name}: name server {server}: no answer within {PATIENCE:?}"),
                }
            }
        }
        Err(DnsError(failure))
    }
}

async fn ask(server: SocketAddr, name: &str) -> Result<Vec<SrvRecord>, String> {
    let id = rand::random();
    let question = query(id, name).ok_or("not a name")?;
    let answer = by_udp(server, id, name, &question).await?;
    let answer = if answer.truncated { by_tcp(server, id, name, &question).await? } else { answer };
    Ok(answer.records)
}

async fn by_udp(server: SocketAddr, id: u16, name: &str, question: &[u8]) -> Result<Answer, String> {
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    // A port by chance, and nothing is taken from others than the server.
    let socket = UdpSocket::bind((any, 0)).await.map_err(|error| error.to_string())?;
    socket.connect(server).await.map_err(|error| error.to_string())?;
    socket.send(question).await.map_err(|error| error.to_string())?;
    let mut buffer = [0; MAX_DATAGRAM];
    loop {
        let length = socket.recv(&mut buffer).await.map_err(|error| error.to_string())?;
        match decode(id, name, &buffer[..length]) {
            // Somebody may be guessing: the true answer may still come.
            Err(MessageError::Other) => {}
            done => return done.map_err(|error| error.to_string()),
        }
    }
}

async fn by_tcp(server: SocketAddr, id: u16, name: &str, question: &[u8]) -> Result<Answer, String> {
    let exchange = async {
        let mut stream = TcpStream::connect(server).await?;
        // A question is shorter than 300 bytes.
        stream.write_all(&[&(question.len() as u16).to_be_bytes()[..], question].concat()).await?;
        let length = stream.read_u16().await?;
        let mut answer = vec![0; usize::from(length)];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    };
    let answer = exchange.await.map_err(|error: std::io::Error| error.to_string())?;
    decode(id, name, &answer).map_err(|error| error.to_string())
}

/// The servers of a resolv.conf.
fn configured(text: &str) -> Vec<SocketAddr> {
    let server = |line: &str| {
        let address = line.trim().strip_prefix("nameserver")?.trim();
        // An address of this link has an interface behind it, which is of no use without its number.
        address.parse::<IpAddr>().ok().map(|address| SocketAddr::from((address, 53)))
    };
    text.lines().filter_map(server).collect()
}

impl fmt::Display for DnsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DnsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_of_a_configuration() {
        let text = "# a comment\nsearch example.test\nnameserver 192.0.2.1\n nameserver\t2001:db8::1\nnameserver x\n";
        let expected = ["192.0.2.1:53", "[2001:db8::1]:53"].map(|text| text.parse().expect("an address"));
        assert_eq!(configured(text), expected);
    }
}
