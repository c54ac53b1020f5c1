# Account.pm
#     Accounts for the mock: so many apps, each with so many branches, these
#     with so many jobs, in a data file.
package Account;

use strict;
use warnings;

use Carp qw(croak);
use Exporter qw(import);

our @EXPORT = qw(write_account app_id newest);

use constant {
    PLACE => 'arn:aws:amplify:us-east-1:111122223333:apps',
    # of the newest job of each branch
    START => 1_700_000_000,
    DAY   => 86_400,
};

my @names = qw(storefront store-admin bookstore);
my @branches = ('main', map { "release/$_" } 1 .. 99);

sub app_id { return sprintf 'd%011d', $_[0]; }

# When the newest jobs have started, in SQL
sub newest { return 'to_timestamp(' . START . ')'; }

# write_account(FILE, apps => N, branches => N, jobs => N): returns FILE.  The
# first three apps are stores; each app has a domain and an environment, prod,
# that its main branch is built with.  Of each branch, job 1 is the oldest, and
# one a day has started since; every tenth has failed.
sub write_account
{
    my ($file, %size) = @_;

    open my $fh, '>', $file or croak "$file: $!";
    print $fh '{"apps":[',
        join(',', map { _app($_, \%size) } 1 .. $size{apps}), ']}';
    close $fh or croak "$file: $!";
    return $file;
}

sub _app
{
    my ($n, $size) = @_;
    my $id = app_id($n);
    my @below = map { _branch($id, $branches[ $_ - 1 ], $size->{jobs}) }
        1 .. $size->{branches};

    my $name = $names[ $n - 1 ] || "app$n";

    return qq({"appId":"$id","appArn":"@{[PLACE]}/$id","name":"$name",)
        . '"tags":{},"createTime":1,"updateTime":2,"environmentVariables":{},'
        . '"defaultDomain":"example.com","enableBranchAutoBuild":true,'
        . '"enableBasicAuth":false,"platform":"WEB","description":"",'
        . '"repository":"","backendEnvironments":[' . _environment($id) . '],'
        . '"domainAssociations":[' . _domain($id, "$name.example.com") . '],'
        . '"branches":[' . join(',', @below) . ']}';
}

sub _environment
{
    my ($id) = @_;

    return qq({"backendEnvironmentArn":"@{[PLACE]}/$id/backendenvironments/prod",)
        . qq("environmentName":"prod","createTime":1,"updateTime":@{[START]}});
}

sub _domain
{
    my ($id, $name) = @_;

    return qq({"domainAssociationArn":"@{[PLACE]}/$id/domains/$name",)
        . qq("domainName":"$name","enableAutoSubDomain":false,)
        . '"domainStatus":"AVAILABLE","statusReason":"","subDomains":['
        . '{"subDomainSetting":{"prefix":"www","branchName":"main"},'
        . '"verified":true,"dnsRecord":"www CNAME x"},'
        . '{"subDomainSetting":{"branchName":"main"},'
        . '"verified":true,"dnsRecord":" CNAME x"}]}';
}

sub _branch
{
    my ($id, $name, $jobs) = @_;
    my $arn = "@{[PLACE]}/$id/branches/$name";
    my $stage = $name eq 'main' ? 'PRODUCTION' : 'DEVELOPMENT';
    my $environment = $name ne 'main' ? '' :
        qq("backendEnvironmentArn":"@{[PLACE]}/$id/backendenvironments/prod",);

    return qq({"branchArn":"$arn","branchName":"$name","stage":"$stage",)
        . qq("displayName":"x","activeJobId":"@{[sprintf '%010d', $jobs]}",)
        . '"createTime":1,"updateTime":2,"environmentVariables":{},'
        . '"enableNotification":false,"enableAutoBuild":true,"customDomains":[],'
        . '"framework":"","totalNumberOfJobs":"0","enableBasicAuth":false,'
        . '"ttl":"5","enablePullRequestPreview":false,' . $environment
        . '"jobs":['
        . join(',', map { _job($arn, $_, $jobs) } reverse 1 .. $jobs) . ']}';
}

sub _job
{
    my ($arn, $n, $jobs) = @_;
    my $start = START - DAY * ($jobs - $n);
    my $status = $n % 10 == 0 ? 'FAILED' : 'SUCCEED';

    return sprintf '{"summary":{"jobArn":"%s/jobs/%010d","jobId":"%d",'
        . '"commitId":"HEAD","commitMessage":"","commitTime":%d,'
        . '"startTime":%d,"endTime":%d,"status":"%s","jobType":"RELEASE"},'
        . '"steps":[{"stepName":"BUILD","startTime":%d,"endTime":%d,'
        . '"status":"%s"}],"artifacts":[{"artifactFileName":"log.txt",'
        . '"artifactId":"%s"}]}',
        $arn, $n, $n, $start, $start, $start + 60, $status, $start, $start + 60,
        $status, "$arn/$n/log" =~ s{.*apps/}{}r;
}

1;
