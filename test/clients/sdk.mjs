// Everything that the JavaScript SDK sees, as JSON on standard output:
// {"list": [...], "get": [...]}, or the name of an error when app and
// environment are given as arguments.
import { AmplifyClient, GetBackendEnvironmentCommand,
    ListAppsCommand, ListBackendEnvironmentsCommand } from '@aws-sdk/client-amplify';

const client = new AmplifyClient({
    endpoint: process.env.AMPLIFY_MOCK_URL,
    region: 'us-east-1',
    credentials: {
        accessKeyId: process.env.AWS_ACCESS_KEY_ID,
        secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY,
    },
});

async function get(appId, environmentName) {
    const answer = await client.send(
        new GetBackendEnvironmentCommand({ appId, environmentName }));
    return { appId, ...answer.backendEnvironment };
}

// All pages; the SDK has no paginator for environments
async function pages(Command, input, member) {
    const items = [];
    let nextToken;

    do {
        const answer = await client.send(new Command({ ...input, nextToken }));
        items.push(...answer[member]);
        nextToken = answer.nextToken;
    } while (nextToken);
    return items;
}

if (process.argv.length > 2) {
    await get(process.argv[2], process.argv[3]).catch(
        (error) => console.log(error.name));
} else {
    const list = [];

    for (const app of await pages(ListAppsCommand, { maxResults: 100 }, 'apps')) {
        const found = await pages(ListBackendEnvironmentsCommand,
            { appId: app.appId, maxResults: 2 }, 'backendEnvironments');
        list.push(...found.map((item) => ({ appId: app.appId, ...item })));
    }
    const got = [];
    for (const item of list)
        got.push(await get(item.appId, item.environmentName));
    console.log(JSON.stringify({ list, get: got }));
}
