<?php
// The PHP peer of sysv/internal/test/interop, whose documentation has the commands.

set_error_handler(function ($severity, $message) {
	throw new Exception($message);
});

class Unable extends Exception
{
}

function segment($key)
{
	return shmop_open($key, 'w', 0, 0);
}

function key_of($name)
{
	return hexdec(hash('fnv1a32', $name)) ?: 1;
}

// lock_of keeps what sem_get returns: until that is gone PHP counts as a user.
function lock_of($key, $max = 1)
{
	static $locks = [];
	return $locks[$key] ??= sem_get($key, $max, 0600);
}

function count_up($key, $n)
{
	$lock = lock_of($key);
	$segment = segment($key);
	while ($n-- > 0) {
		sem_acquire($lock);
		$counter = unpack('L', shmop_read($segment, 0, 4))[1];
		shmop_write($segment, pack('L', $counter + 1), 0);
		sem_release($lock);
	}
}

function queue($key)
{
	if (!msg_queue_exists($key)) {
		throw new Exception('msg_get_queue would make one');
	}
	return msg_get_queue($key);
}

// receive has PHP take what is in a message for bytes, or for a variable as it
// does by default.
function receive($key, $which, $unserialize)
{
	if (!msg_receive(queue($key), $which, $type, 8192, $data, $unserialize, 0, $error)) {
		throw new Exception("msg_receive: $error");
	}
	return [$type, $data];
}

function unable($why)
{
	return fn() => throw new Unable($why);
}

$commands = [
	'ftok' => fn($path, $project) => ftok($path, chr($project)),
	'key-of' => fn($name) => key_of($name === '-' ? '' : hex2bin($name)),
	'make-segment' => function ($key, $size) {
		shmop_open($key, 'n', 0600, $size);
	},
	'write' => function ($key, $offset, $bytes) {
		shmop_write(segment($key), hex2bin($bytes), $offset);
	},
	'read' => function ($key) {
		$segment = segment($key);
		return bin2hex(shmop_read($segment, 0, shmop_size($segment)));
	},
	'make-set' => function ($key, ...$values) {
		if (count($values) > 1) {
			throw new Unable('sem_get gives one value');
		}
		lock_of($key, $values[0]);
	},
	'bare-set' => unable('sem_get always gives a value'),
	'set-value' => unable('sem_get alone gives a value'),
	'value' => unable('PHP has no call that reads a value'),
	'lock' => function ($key) {
		sem_acquire(lock_of($key));
	},
	'unlock' => function ($key) {
		sem_release(lock_of($key));
	},
	'count' => 'count_up',
	'make-queue' => function ($key) {
		msg_get_queue($key, 0600);
	},
	'send' => function ($key, $type, $bytes) {
		msg_send(queue($key), $type, $bytes === '-' ? '' : hex2bin($bytes), false);
	},
	'receive' => function ($key, $which) {
		[$type, $data] = receive($key, $which, false);
		return $type . ' ' . ($data === '' ? '-' : bin2hex($data));
	},
	'put-variable' => function ($key, $size, $number, $text) {
		shm_put_var(shm_attach($key, $size, 0600), $number, $text);
	},
	'send-variable' => function ($key, $type, $text) {
		msg_send(queue($key), $type, $text);
	},
	'receive-variable' => function ($key, $which) {
		try {
			return receive($key, $which, true)[1];
		} catch (Exception $e) {
			return 'refused';
		}
	},
	'variable' => fn($key, $number) => shm_get_var(shm_attach($key), $number),
];

while (($line = fgets(STDIN)) !== false) {
	$args = explode(' ', trim($line));
	$verb = array_shift($args);
	try {
		$result = $commands[$verb](...$args);
		echo $result === null ? "ok\n" : "ok $result\n";
	} catch (Unable $e) {
		echo "unable {$e->getMessage()}\n";
	}
}
