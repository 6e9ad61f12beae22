# The Perl peer of sysv/internal/test/interop, whose documentation has the commands.
use strict;
use warnings;
use IPC::SysV qw(ftok IPC_CREAT IPC_EXCL SEM_UNDO);
use IPC::Msg;
use IPC::Semaphore;
use IPC::SharedMem;

use constant NEW => IPC_CREAT | IPC_EXCL | 0600;

$| = 1;

sub segment {
	my ($key) = @_;
	my $segment = IPC::SharedMem->new($key, 0, 0) or die "shmget: $!";
	$segment->attach or die "shmat: $!";
	return $segment;
}

sub key_of {
	my $h = 2166136261;
	$h = ($h ^ $_) * 16777619 & 0xffffffff for unpack "C*", $_[0];
	return unpack "l", pack "L", $h || 1;
}

sub size { $_[0]->stat->segsz }

sub set {
	my ($key) = @_;
	return IPC::Semaphore->new($key, 0, 0) || die "semget: $!";
}

sub queue {
	my ($key) = @_;
	return IPC::Msg->new($key, 0) || die "msgget: $!";
}

sub receive {
	my ($key, $which) = @_;
	my $type = queue($key)->rcv(my $bytes, 8192, $which) or die "msgrcv: $!";
	return "$type " . (length $bytes ? unpack "H*", $bytes : "-");
}

sub op {
	my ($set, $delta) = @_;
	$set->op(0, $delta, SEM_UNDO) or die "semop: $!";
}

sub count {
	my ($key, $n) = @_;
	my ($set, $segment) = (set($key), segment($key));
	for (1 .. $n) {
		op($set, -1);
		my $counter = unpack "L", $segment->read(0, 4);
		$segment->write(pack("L", $counter + 1), 0, 4);
		op($set, +1);
	}
}

my %commands = (
	"ftok" => sub { ftok($_[0], 0 + $_[1]) },
	"key-of" => sub { key_of($_[0] eq "-" ? "" : pack "H*", $_[0]) },
	"make-segment" => sub { IPC::SharedMem->new(@_, NEW) or die "shmget: $!"; "" },
	"write" => sub {
		my $bytes = pack "H*", $_[2];
		segment($_[0])->write($bytes, $_[1], length $bytes) or die "write: $!";
		"";
	},
	"read" => sub {
		my $segment = segment($_[0]);
		unpack "H*", $segment->read(0, size($segment));
	},
	"make-set" => sub {
		my ($key, @values) = @_;
		my $set = IPC::Semaphore->new($key, scalar @values, NEW) or die "semget: $!";
		$set->setall(@values) or die "semctl: $!";
		"";
	},
	"bare-set" => sub { IPC::Semaphore->new($_[0], 1, NEW) or die "semget: $!"; "" },
	"set-value" => sub { set($_[0])->setval($_[1], $_[2]) or die "semctl: $!"; "" },
	"value" => sub { 0 + set($_[0])->getval($_[1]) },
	"lock" => sub { op(set($_[0]), -1); "" },
	"unlock" => sub { op(set($_[0]), +1); "" },
	"count" => sub { count(@_); "" },
	"make-queue" => sub { IPC::Msg->new($_[0], NEW) or die "msgget: $!"; "" },
	"send" => sub {
		my ($key, $type, $hex) = @_;
		my $bytes = $hex eq "-" ? "" : pack "H*", $hex;
		queue($key)->snd($type, $bytes) or die "msgsnd: $!";
		"";
	},
	"receive" => \&receive,
);

while (<STDIN>) {
	my ($verb, @args) = split;
	my $result = $commands{$verb}->(@args);
	print length $result ? "ok $result\n" : "ok\n";
}
