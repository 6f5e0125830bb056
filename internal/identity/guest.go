package identity

// guestPolicy is the session policy that guests' credentials have in the enhanced
// flow: whatever a role allows, a guest reaches no other services than these. It
// takes away and gives nothing.
//
// https://docs.aws.amazon.com/cognito/latest/developerguide/iam-roles.html#access-policies-scope-down-services
const guestPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*","Action":[` +
	`"appsync:*","cloudwatch:*","cognito-identity:*","cognito-idp:*","cognito-sync:*","comprehend:*","dynamodb:*","execute-api:*",` +
	`"firehose:*","gamelift:*","geo:*","iot:*","kinesis:*","kinesisanalytics:*","lambda:*","lex:*","logs:*","machinelearning:*",` +
	`"mobileanalytics:*","mobiletargeting:*","personalize:*","polly:*","rekognition:*","rum:PutRumEvents","s3:*","sagemaker:InvokeEndpoint",` +
	`"sdb:*","ses:*","sns:*","sqs:*","textract:*","transcribe:*","translate:*"]}]}`
