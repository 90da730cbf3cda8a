use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::demo_directory::codec::MAX_MESSAGE;
use crate::demo_directory::connection::MAX_IDLE;
use crate::demo_directory::server::MAX_CONNECTIONS;

/// The time after which a test has failed; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(20);

/// Reads until the server hangs up, politely or not.
async fn rest_of(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("the server did not hang up");
    // A reset is a hang-up too: it happens when we were still sending.
    drop(read);
    rest
}

fn long(length: usize) -> [u8; 6] {
    let length = u32::try_from(length).unwrap().to_be_bytes();
    [0x30, 0x84, length[0], length[1], length[2], length[3]]
}

#[tokio::test]
async fn nonsense_closes_its_own_connection_and_nothing_else() {
    let demo = DemoFixture::start().await;
    let mut bystander = demo.client_bound_as("alice").await;
    let too_long = long(MAX_MESSAGE);
    let nonsense: [&[u8]; 9] = [
        b"GET / HTTP/1.1\r\n\r\n",
        &too_long,
        // A length without end, and one of too many bytes.
        &[0x30, 0x80],
        &[0x30, 0x88, 0, 0, 0, 0, 0, 0, 0, 1],
        // No content; an operation that is an answer; a search without parts; an unknown operation.
        &[0x30, 0x00],
        &[0x30, 0x0c, 2, 1, 1, 0x61, 7, 10, 1, 0, 4, 0, 4, 0],
        &[0x30, 0x05, 2, 1, 1, 0x63, 0],
        &[0x30, 0x05, 2, 1, 1, 0x7e, 0],
        // A message whose inner length is longer than itself.
        &[0x30, 0x05, 2, 1, 1, 0x60, 0x7f],
    ];
    for bytes in nonsense {
        let mut stream = TcpStream::connect(demo.address()).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let notice = rest_of(&mut stream).await;
        let oid = b"1.3.6.1.4.1.1466.20036";
        assert!(notice.windows(oid.len()).any(|part| part == oid), "{bytes:02x?} got {notice:02x?}");
        assert_eq!(dns(&mut bystander, DOMAIN, Scope::Base, "(objectClass=*)").await, [DOMAIN]);
    }
}

#[tokio::test]
async fn deep_nesting_is_refused() {
    let demo = DemoFixture::start().await;
    let mut stream = TcpStream::connect(demo.address()).await.unwrap();
    let mut message = Vec::new();
    for _ in 0..5000 {
        let mut outer = long(message.len()).to_vec();
        outer.append(&mut message);
        message = outer;
    }
    stream.write_all(&message).await.unwrap();
    rest_of(&mut stream).await;
    assert_eq!(demo.bind(r"DEMO\alice", "alice-demo").await.rc, 0, "the directory lives on");
}

#[tokio::test]
async fn a_filter_without_measure_is_refused() {
    let demo = DemoFixture::start().await;
    let mut client = demo.client_bound_as("alice").await;
    let filter = |terms| format!("(|{})", "(cn=x)".repeat(terms));
    assert!(dns(&mut client, DOMAIN, Scope::Subtree, &filter(1000)).await.is_empty());
    assert!(client.search(DOMAIN, Scope::Subtree, &filter(3000), ["1.1"]).await.is_err());
    assert_eq!(demo.bind(r"DEMO\alice", "alice-demo").await.rc, 0, "the directory lives on");
}

#[tokio::test]
async fn a_request_in_pieces_is_read_whole() {
    let demo = DemoFixture::start().await;
    let mut stream = TcpStream::connect(demo.address()).await.unwrap();
    // An anonymous bind, byte by byte, and two at once.
    let bind = [0x30, 0x0c, 2, 1, 1, 0x60, 7, 2, 1, 3, 4, 0, 0x80, 0];
    for byte in bind {
        stream.write_all(&[byte]).await.unwrap();
        stream.flush().await.unwrap();
    }
    stream.write_all(&[bind, bind].concat()).await.unwrap();
    stream.shutdown().await.unwrap();
    let answers = rest_of(&mut stream).await;
    let one = [0x30, 0x0c, 2, 1, 1, 0x61, 7, 10, 1, 0, 4, 0, 4, 0];
    assert_eq!(answers, one.repeat(3));
}

#[tokio::test]
async fn no_more_clients_are_served_than_there_is_room_for() {
    let demo = DemoFixture::start().await;
    let mut clients = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        clients.push(demo.client_bound_as("alice").await);
    }
    let mut one_more = TcpStream::connect(demo.address()).await.unwrap();
    assert!(rest_of(&mut one_more).await.is_empty());

    // Room comes back when somebody leaves.
    clients.pop().unwrap().unbind().await.unwrap();
    let served = async {
        loop {
            let (connection, mut client) = LdapConnAsync::new(&demo.directory.url()).await.unwrap();
            ldap3::drive!(connection);
            if client.simple_bind(r"DEMO\bob", "bob-demo").await.is_ok_and(|bound| bound.rc == 0) {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, served).await.expect("the room did not come back");
}

#[tokio::test]
async fn a_silent_client_is_hung_up_on() {
    let demo = DemoFixture::start().await;
    let mut stream = TcpStream::connect(demo.address()).await.unwrap();
    // An answered request shows that the connection is being served before the clock moves; half a request does
    // not count as a sign of life.
    let bind = [0x30, 0x0c, 2, 1, 1, 0x60, 7, 2, 1, 3, 4, 0, 0x80, 0];
    stream.write_all(&bind).await.unwrap();
    let mut answer = [0; 14];
    stream.read_exact(&mut answer).await.unwrap();
    stream.write_all(&bind[..5]).await.unwrap();
    let moves = async {
        loop {
            demo.clock.advance(MAX_IDLE);
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        rest = rest_of(&mut stream) => assert!(rest.is_empty()),
        () = moves => {}
    }
}

#[tokio::test]
async fn dropping_the_directory_ends_every_connection() {
    let demo = DemoFixture::start().await;
    let address = demo.address();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let mut client = demo.client_bound_as("alice").await;
    drop(demo);
    assert!(rest_of(&mut stream).await.is_empty());
    assert!(client.simple_bind(r"DEMO\alice", "alice-demo").await.is_err());
    assert!(TcpStream::connect(&address).await.is_err());
}
