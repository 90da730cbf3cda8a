//! The process's own sockets, as Linux shows them.
//!
//! Rocket keeps its connections to itself, but the kernel names every open file of a process in `/proc/self/fd` (proc(5)).
//! A number from there is made into a duplicate of our own by sending it to ourselves over a Unix socket (`SCM_RIGHTS`,
//! unix(7)): then whose it is can be asked, and it can be shut down, without ever touching a number that may mean another
//! file by now. `pidfd_getfd` would do the same, but containers and hardened services forbid it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use rustix::fs::{CWD, Dir, Mode, OFlags, openat, readlinkat_raw};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use sendfd::SendWithFd;

use super::policy::ShutdownMode;

/// The directory in which the kernel names the open files of this process.
const FD_DIRECTORY: &str = "/proc/self/fd";

/// The connections to one port of ours.
pub(super) struct Sockets {
    port: u16,
    /// [`FD_DIRECTORY`]. Kept open, as it could not be opened when it is needed most: when there are too many open files.
    fd_directory: Dir,
    socket_pair: (UnixStream, UnixStream),
    /// Closed to make room for one duplicate when there are too many open files.
    spare: Option<File>,
    listed: HashMap<RawFd, ListedSocket>,
}

/// A socket as it was last listed.
#[derive(Clone, Copy)]
struct ListedSocket {
    inode: u64,
    /// Its other end, when it is a connection to our port.
    peer: Option<SocketAddr>,
}

impl Sockets {
    /// The connections to `port`.
    ///
    /// # Errors
    /// The system's error when it does not show a process its open files.
    pub(super) fn for_port(port: u16) -> io::Result<Self> {
        let fd_directory = openat(CWD, FD_DIRECTORY, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let fd_directory = Dir::new(fd_directory)?;
        Ok(Self { port, fd_directory, socket_pair: UnixStream::pair()?, spare: open_spare(), listed: HashMap::new() })
    }

    /// The inode number of each connection's socket, by its other end. Those listed before whose socket `is_in_flight` says is in
    /// use, with that inode number, are still the same: the system is not asked whose the open file is, which is most of the cost.
    ///
    /// # Errors
    /// The system's error.
    pub(super) fn list(&mut self, is_in_flight: impl Fn(&SocketAddr, u64) -> bool) -> io::Result<HashMap<SocketAddr, u64>> {
        let mut listed = HashMap::with_capacity(self.listed.len());
        self.fd_directory.rewind();
        while let Some(entry) = self.fd_directory.read() {
            let entry = entry?;
            // A file that was closed meanwhile, or is no socket, is none of ours.
            let name = entry.file_name();
            let Some(fd) = name.to_str().ok().and_then(|name| name.parse::<RawFd>().ok()) else { continue };
            let known = self.listed.get(&fd).filter(|socket| socket.peer.is_some_and(|peer| is_in_flight(&peer, socket.inode)));
            if let Some(known) = known {
                listed.insert(fd, *known);
                continue;
            }
            let Some(inode) = self.inode_of(name) else { continue };
            let same = self.listed.get(&fd).filter(|socket| socket.inode == inode);
            let peer = match same {
                Some(socket) => socket.peer,
                None => self.duplicate(fd).ok().flatten().and_then(|stream| self.peer_of(&stream)),
            };
            listed.insert(fd, ListedSocket { inode, peer });
        }
        self.spare = self.spare.take().or_else(open_spare);
        self.listed = listed;
        Ok(self.listed.values().filter_map(|socket| Some((socket.peer?, socket.inode))).collect())
    }

    /// Shuts down those of `which` that are still the same connections as when they were listed.
    pub(super) fn shut_down(&mut self, which: &HashMap<SocketAddr, ShutdownMode>) {
        let wanted = |socket: &ListedSocket| Some((socket.peer?, *which.get(&socket.peer?)?));
        let chosen: Vec<_> =
            self.listed.iter().filter_map(|(fd, socket)| wanted(socket).map(|(peer, mode)| (*fd, peer, mode))).collect();
        for (fd, peer, mode) in chosen {
            let how = match mode {
                ShutdownMode::Read => Shutdown::Read,
                ShutdownMode::Both => Shutdown::Both,
            };
            // A socket that is closed or not connected any more needs no shutting down.
            if let Ok(Some(stream)) = self.duplicate(fd)
                && self.peer_of(&stream) == Some(peer)
            {
                let _ = stream.shutdown(how);
            }
        }
        self.spare = self.spare.take().or_else(open_spare);
    }

    /// The inode number of a socket: the kernel names socket 4711 `socket:[4711]`.
    fn inode_of(&self, name: &std::ffi::CStr) -> Option<u64> {
        let mut buffer = [MaybeUninit::uninit(); 32];
        let (target, _) = readlinkat_raw(self.fd_directory.fd().ok()?, name, &mut buffer).ok()?;
        std::str::from_utf8(target).ok()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    }

    fn peer_of(&self, stream: &TcpStream) -> Option<SocketAddr> {
        let here = stream.local_addr().ok()?;
        (here.port() == self.port).then(|| stream.peer_addr().ok()).flatten()
    }

    /// A duplicate of `fd`; `None` when there is no room for one.
    fn duplicate(&mut self, fd: RawFd) -> io::Result<Option<TcpStream>> {
        self.socket_pair.0.send_with_fd(b"!", &[fd])?;
        if let Some(duplicate) = self.receive_fd()? {
            return Ok(Some(TcpStream::from(duplicate)));
        }
        // There was no room for it: the spare makes some.
        self.spare = None;
        self.socket_pair.0.send_with_fd(b"!", &[fd])?;
        Ok(self.receive_fd()?.map(TcpStream::from))
    }

    fn receive_fd(&self) -> io::Result<Option<OwnedFd>> {
        let mut byte = [0];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        recvmsg(&self.socket_pair.1, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
        Ok(control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut files) => files.next(),
            _ => None,
        }))
    }
}

/// Opens the spare file; any file will do.
fn open_spare() -> Option<File> {
    File::open("/dev/null").ok()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn what_has_requests_in_flight_is_listed_unasked_and_everything_else_is_looked_at_again() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connect = || {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            (listener.accept().unwrap().0, client)
        };
        let mut sockets = Sockets::for_port(listener.local_addr().unwrap().port()).unwrap();
        let (busy, idle) = (connect(), connect());
        let [busy_peer, idle_peer] = [&busy, &idle].map(|(_, client)| client.local_addr().unwrap());
        let first = sockets.list(|_, _| false).unwrap();
        assert_eq!(first.len(), 2);

        let busy_inode = first[&busy_peer];
        let is_in_flight = |peer: &SocketAddr, inode| (*peer, inode) == (busy_peer, busy_inode);
        drop(idle.0);
        let next = connect();
        let next_peer = next.1.local_addr().unwrap();
        let second = sockets.list(is_in_flight).unwrap();
        assert_eq!(second.get(&busy_peer), Some(&busy_inode));
        assert!(second.contains_key(&next_peer) && !second.contains_key(&idle_peer), "its number may be another's by now");

        drop(busy.0);
        assert!(!sockets.list(is_in_flight).unwrap().contains_key(&busy_peer), "a closed file is none, whatever is said of it");
    }
}
