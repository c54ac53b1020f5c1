// sdk.mjs FOLDER: everything that the JavaScript SDK sees, which is installed
// in that folder, as JSON on standard output: {"list": [...], "get": [...]}.
// sdk.mjs FOLDER APP [ENVIRONMENT]: "code: message" of the error that this Get,
// or the List of the app, ends with.
import { createRequire } from 'node:module';

const [folder, app, environment] = process.argv.slice(2);
const { AmplifyClient, GetBackendEnvironmentCommand, ListAppsCommand,
    ListBackendEnvironmentsCommand } =
    createRequire(folder + '/')('@aws-sdk/client-amplify');

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

if (app) {
    await (environment ? get(app, environment) : client.send(
        new ListBackendEnvironmentsCommand({ appId: app }))).catch(
        (error) => console.log(`${error.name}: ${error.message}`));
} else {
    const list = [];

    for (const { appId } of await pages(ListAppsCommand, { maxResults: 8 }, 'apps')) {
        const found = await pages(ListBackendEnvironmentsCommand,
            { appId, maxResults: 2 }, 'backendEnvironments');
        list.push(...found.map((item) => ({ appId, ...item })));
    }
    const got = [];
    for (const item of list)
        got.push(await get(item.appId, item.environmentName));
    console.log(JSON.stringify({ list, get: got }));
}
