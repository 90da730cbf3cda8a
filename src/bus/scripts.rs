//! What the server does in one step each: claiming leases, giving them back, and appending where a lease is held.

use std::sync::LazyLock;

use redis::Script;

/// The message for an entry that is too long to be sent: it stands in the stream.
pub(super) const LONG_ENTRY: &[u8] = b"+";

/// Claims leases, or renews those that are held. A lease's value is its fencing number and its holder.
///
/// `KEYS`: the counter of fencing numbers, then the leases. `ARGV`: the holder, the lease's length in milliseconds, and for each
/// lease the highest fencing number that the holder has seen of the topic: a lease below that is of a server that has forgotten
/// the newer one, and void. Answers the server's time (seconds, microseconds), and for each lease its number, or 0 where somebody
/// else holds it.
pub(super) static CLAIM: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
-- Also who claims nothing learns whether this server takes writes.
redis.call('INCRBY', KEYS[1], 0)
local time = redis.call('TIME')
local answer = { tonumber(time[1]), tonumber(time[2]) }
for place = 2, #KEYS do
  local seen = tonumber(ARGV[place + 1])
  local fence, holder = string.match(redis.call('GET', KEYS[place]) or '', '^(%d+) (.+)$')
  fence = tonumber(fence)
  if fence and fence >= seen and holder ~= ARGV[1] then
    fence = 0
  elseif fence and fence >= seen then
    redis.call('PEXPIRE', KEYS[place], ARGV[2])
  else
    fence = redis.call('INCR', KEYS[1])
    if fence <= seen then
      fence = seen + 1
      redis.call('SET', KEYS[1], string.format('%.0f', fence))
    end
    redis.call('SET', KEYS[place], string.format('%.0f', fence) .. ' ' .. ARGV[1], 'PX', ARGV[2])
  end
  answer[#answer + 1] = fence
end
return answer
",
    )
});

/// Gives leases back, and tells who else wants them by an empty message.
///
/// `KEYS`: lease and stream of each topic. `ARGV`: the holder.
pub(super) static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
for place = 1, #KEYS, 2 do
  local holder = string.match(redis.call('GET', KEYS[place]) or '', '^%d+ (.+)$')
  if holder == ARGV[1] then
    redis.call('DEL', KEYS[place])
    redis.call('PUBLISH', KEYS[place + 1], '')
  end
end
",
    )
});

/// Appends entries whose lease is still held, and sends them to who listens.
///
/// `KEYS`: lease and stream of each entry. `ARGV`, for each: the lease's value, how many entries the stream keeps, how long it is
/// kept in milliseconds, `1` where the lease is given back with it, `1` where the entry is too long to be sent, and the entry.
/// Answers 1 for each that was appended, and 0 for the others.
pub(super) static APPEND: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local answer = {}
for place = 1, #KEYS, 2 do
  local first = (place - 1) * 3 + 1
  local lease, most, kept, last, long, entry = unpack(ARGV, first, first + 5)
  if redis.call('GET', KEYS[place]) == lease then
    redis.call('XADD', KEYS[place + 1], 'MAXLEN', '~', most, '*', 'e', entry)
    redis.call('PEXPIRE', KEYS[place + 1], kept)
    if last == '1' then
      redis.call('DEL', KEYS[place])
    end
    redis.call('PUBLISH', KEYS[place + 1], long == '1' and '+' or entry)
    answer[#answer + 1] = 1
  else
    answer[#answer + 1] = 0
  end
end
return answer
",
    )
});

/// Counts one more of what may happen so often on all nodes together, and answers how many microseconds it has to wait (the
/// generic cell rate algorithm).
///
/// `KEYS`: when the next one is due. `ARGV`: the interval between two, and how much of the past counts, both in microseconds.
pub(super) static RATE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now - tonumber(ARGV[2]))
-- A server that takes over may have a clock that is behind.
due = math.min(due, now + 100 * tonumber(ARGV[1]))
local wait = math.max(0, due - now)
redis.call('SET', KEYS[1], string.format('%.0f', due + tonumber(ARGV[1])), 'PX', math.ceil(wait / 1000) + 60000)
return wait
",
    )
});
