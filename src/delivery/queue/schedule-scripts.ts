/**
 * The moves of the schedule, one Lua script each, so that each is atomic. Redis holds nothing here that MongoDB couldn't tell again.
 *
 * A lane is waiting (zset `waiting`, by the due time of its first item), ready (zset `ready`, by the turn it is given: the lane with the
 * lowest turn is served one item and goes to the end, so that no lane starves another), or parked (in neither) while it has no item or
 * no token. An item is in its lane's zset, by due time, or taken (zset `takes`, by the time the take ends; hash `owners`; hash `held` counts
 * by lane; hash `again`: it was added once more meanwhile, and since when it is due). Members are `lane id`; neither holds a space.
 *
 * Every key carries one hash tag. The zset of a lane is reached through its prefix, which stands among the keys: same slot, same node.
 * Every script but `enter` first compares the epoch and answers 'STALE' when Redis is not what the caller knew.
 */

/** KEYS of every move, in this order. */
export const MOVE_KEYS = [
  'epoch',
  'complete',
  'waiting',
  'ready',
  'turn',
  'takes',
  'owners',
  'held',
  'again',
  'lane:',
] as const;

const HEAD = `
local EPOCH, COMPLETE, WAITING, READY, TURN, TAKES, OWNERS, HELD, AGAIN, LANE = unpack(KEYS)
if redis.call('GET', EPOCH) ~= ARGV[1] then return 'STALE' end
local now = tonumber(ARGV[2])
-- Puts a lane that has items and no place among the waiting ones; answers the due time of its first item.
local function settle(lane)
  local head = redis.call('ZRANGE', LANE .. lane, 0, 0, 'WITHSCORES')
  if #head == 0 then return nil end
  if not redis.call('ZSCORE', READY, lane) then redis.call('ZADD', WAITING, head[2], lane) end
  return tonumber(head[2])
end
local function put(lane, id, at)
  redis.call('ZADD', LANE .. lane, 'LT', at, id)
end
local function untake(member, lane)
  if redis.call('ZREM', TAKES, member) == 1 then
    redis.call('HDEL', OWNERS, member)
    redis.call('HDEL', AGAIN, member)
    if redis.call('HINCRBY', HELD, lane, -1) <= 0 then redis.call('HDEL', HELD, lane) end
  end
end
`;

/** ARGV: epoch, now, then lane, id, at for each item. Idempotent: an item keeps the earlier time; a taken one comes up again after its taker. */
export const ADD = `${HEAD}
for i = 3, #ARGV, 3 do
  local lane, id = ARGV[i], ARGV[i + 1]
  local member = lane .. ' ' .. id
  if not redis.call('ZSCORE', TAKES, member) then
    put(lane, id, ARGV[i + 2])
  else
    local again = redis.call('HGET', AGAIN, member)
    if not again or tonumber(ARGV[i + 2]) < tonumber(again) then redis.call('HSET', AGAIN, member, ARGV[i + 2]) end
  end
end
for i = 3, #ARGV, 3 do settle(ARGV[i]) end
return 'OK'
`;

/**
 * ARGV: epoch, now, count, owner, takeUntil, laneLimit. Takes that ended are due again first.
 * Answers [complete, nextAt or '', lane, id, lane, id, ...].
 */
export const TAKE = `${HEAD}
local count, owner, takeUntil, limit = tonumber(ARGV[3]), ARGV[4], ARGV[5], tonumber(ARGV[6])
for _, member in ipairs(redis.call('ZRANGEBYSCORE', TAKES, '-inf', now, 'LIMIT', 0, 500)) do
  local lane, id = string.match(member, '^(%S+) (%S+)$')
  untake(member, lane)
  put(lane, id, now)
  settle(lane)
end
local answer = { redis.call('EXISTS', COMPLETE), '' }
local taken = 0
while taken < count do
  local lane = redis.call('ZRANGE', READY, 0, 0)[1]
  if not lane then
    local due = redis.call('ZRANGEBYSCORE', WAITING, '-inf', now, 'LIMIT', 0, 500)
    if #due == 0 then break end
    for _, ready in ipairs(due) do
      redis.call('ZREM', WAITING, ready)
      redis.call('ZADD', READY, redis.call('INCR', TURN), ready)
    end
    lane = redis.call('ZRANGE', READY, 0, 0)[1]
  end
  redis.call('ZREM', READY, lane)
  local held = tonumber(redis.call('HGET', HELD, lane) or '0')
  if held < limit then
    local id = redis.call('ZRANGEBYSCORE', LANE .. lane, '-inf', now, 'LIMIT', 0, 1)[1]
    if id then
      redis.call('ZREM', LANE .. lane, id)
      local member = lane .. ' ' .. id
      redis.call('ZADD', TAKES, takeUntil, member)
      redis.call('HSET', OWNERS, member, owner)
      held = redis.call('HINCRBY', HELD, lane, 1)
      answer[#answer + 1] = lane
      answer[#answer + 1] = id
      taken = taken + 1
    end
    if held < limit then
      local head = redis.call('ZRANGE', LANE .. lane, 0, 0, 'WITHSCORES')
      if #head > 0 then
        if tonumber(head[2]) <= now then
          -- Lanes that became due meanwhile take their turn before this one gets its next.
          for _, ready in ipairs(redis.call('ZRANGEBYSCORE', WAITING, '-inf', now, 'LIMIT', 0, 20)) do
            redis.call('ZREM', WAITING, ready)
            redis.call('ZADD', READY, redis.call('INCR', TURN), ready)
          end
          redis.call('ZADD', READY, redis.call('INCR', TURN), lane)
        else
          redis.call('ZADD', WAITING, head[2], lane)
        end
      end
    end
  end
end
local first = redis.call('ZRANGE', WAITING, 0, 0, 'WITHSCORES')
if redis.call('EXISTS', READY) == 1 then answer[2] = ARGV[2]
elseif #first > 0 then answer[2] = first[2] end
-- A take that ends is due again: whoever held it may be gone.
local ends = redis.call('ZRANGE', TAKES, 0, 0, 'WITHSCORES')
if #ends > 0 and (answer[2] == '' or tonumber(ends[2]) < tonumber(answer[2])) then answer[2] = ends[2] end
return answer
`;

/**
 * ARGV: epoch, now, lane, id, owner, at or ''. Ends the owner's take and puts the item back when it has a next time.
 * Answers the due time of the lane's first item when the lane had no token before, else ''.
 */
export const FINISH = `${HEAD}
local lane, id, owner, at = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local member = lane .. ' ' .. id
if redis.call('HGET', OWNERS, member) == owner then
  local again = redis.call('HGET', AGAIN, member)
  if again and (at == '' or tonumber(again) < tonumber(at)) then at = again end
  untake(member, lane)
end
if at ~= '' then put(lane, id, at) end
local wasParked = not redis.call('ZSCORE', READY, lane) and not redis.call('ZSCORE', WAITING, lane)
local head = settle(lane)
if wasParked and head then return tostring(head) end
return ''
`;

/** ARGV: epoch, now, lane, id, owner, takeUntil. */
export const EXTEND = `${HEAD}
local member = ARGV[3] .. ' ' .. ARGV[4]
if redis.call('HGET', OWNERS, member) ~= ARGV[5] then return 'LOST' end
redis.call('ZADD', TAKES, ARGV[6], member)
return 'OK'
`;

/**
 * KEYS: epoch, complete, rebuilder, server. ARGV: new epoch, run id of the server. Answers [epoch, complete].
 * Another server than before, or the same one started again, may have lost its last writes.
 */
export const ENTER = `
local EPOCH, COMPLETE, REBUILDER, SERVER = unpack(KEYS)
local epoch = redis.call('GET', EPOCH)
if not epoch then
  epoch = ARGV[1]
  redis.call('SET', EPOCH, epoch)
  redis.call('DEL', COMPLETE)
end
if redis.call('GET', SERVER) ~= ARGV[2] then
  redis.call('SET', SERVER, ARGV[2])
  redis.call('DEL', COMPLETE, REBUILDER)
end
return { epoch, redis.call('EXISTS', COMPLETE) }
`;

/** KEYS: epoch, complete, rebuilder. ARGV: epoch, process, lease ms. 1: this process rebuilds now (or goes on to). */
export const REBUILD = `
local EPOCH, COMPLETE, REBUILDER = unpack(KEYS)
if redis.call('GET', EPOCH) ~= ARGV[1] then return 'STALE' end
if redis.call('EXISTS', COMPLETE) == 1 then return 0 end
local holder = redis.call('GET', REBUILDER)
if holder and holder ~= ARGV[2] then return 0 end
redis.call('SET', REBUILDER, ARGV[2], 'PX', ARGV[3])
return 1
`;

/** KEYS: epoch, complete, rebuilder. ARGV: epoch, process. The schedule holds all that the record holds. */
export const REBUILT = `
local EPOCH, COMPLETE, REBUILDER = unpack(KEYS)
if redis.call('GET', EPOCH) ~= ARGV[1] then return 'STALE' end
if redis.call('GET', REBUILDER) ~= ARGV[2] then return 0 end
redis.call('SET', COMPLETE, '1')
redis.call('DEL', REBUILDER)
return 1
`;

/** KEYS: epoch, complete, rebuilder. ARGV: epoch. Something may be missing: rebuild. */
export const DOUBT = `
local EPOCH, COMPLETE, REBUILDER = unpack(KEYS)
if redis.call('GET', EPOCH) ~= ARGV[1] then return 'STALE' end
redis.call('DEL', COMPLETE, REBUILDER)
return 1
`;
